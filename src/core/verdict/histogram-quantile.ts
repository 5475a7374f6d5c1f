/** One bucket of a histogram: how many observations were at most `upperBound`. */
export interface Bucket {
  upperBound: number;
  /** Cumulative, as Prometheus counts. */
  count: number;
}

export type QuantileResult =
  | { kind: 'value'; value: number }
  /** It lies above the largest finite bucket; how far is not known. */
  | { kind: 'above'; bound: number }
  | { kind: 'no-observations' }
  | { kind: 'no-finite-bucket' };

/**
 * The quantile by linear interpolation inside its bucket, as PromQL's histogram_quantile does for classic histograms: the lowest bucket
 * begins at 0 (prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile). One difference: where PromQL answers
 * with the largest finite bound we say "above it", because "p99 > 10 s" must hold when the largest bucket ends at 10 s.
 */
export function histogramQuantile(quantile: number, buckets: readonly Bucket[]): QuantileResult {
  const sorted = monotone([...buckets].sort((a, b) => a.upperBound - b.upperBound));
  const total = sorted.at(-1)?.count ?? 0;
  const bounds = sorted.filter((bucket) => Number.isFinite(bucket.upperBound));
  const largest = bounds.at(-1);
  if (!largest) return { kind: 'no-finite-bucket' };
  if (total <= 0) return { kind: 'no-observations' };
  const rank = quantile * total;
  const at = bounds.findIndex((bucket) => bucket.count >= rank && bucket.count > 0);
  if (at === -1) return { kind: 'above', bound: largest.upperBound };
  const { upperBound, count } = bounds[at]!;
  const lower = bounds[at - 1] ?? { upperBound: 0, count: 0 };
  if (upperBound <= 0) return { kind: 'value', value: upperBound };
  const share = (rank - lower.count) / (count - lower.count);
  return { kind: 'value', value: lower.upperBound + (upperBound - lower.upperBound) * share };
}

/** Buckets read between two updates of a counter can be out of step; a cumulative count never falls. */
function monotone(buckets: Bucket[]): Bucket[] {
  let highest = 0;
  return buckets.map((bucket) => {
    highest = Math.max(highest, bucket.count);
    return { upperBound: bucket.upperBound, count: highest };
  });
}
