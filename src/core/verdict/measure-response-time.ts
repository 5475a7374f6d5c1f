import { counterIncreases, hasMetrics, whyNoMetrics } from './counter-increases.ts';
import { formatCount } from './format-measured.ts';
import { histogramQuantile, type Bucket } from './histogram-quantile.ts';
import { doubtAboutSamples, nothing, type Doubt, type Measurement } from './measurement.ts';
import { isMeasured, whyNoProbes } from './measure-probes.ts';
import type { Sample } from './sample.ts';
import type { Window } from './window.ts';

// The default name of HTTP middlewares, in the base unit of Prometheus and in the one older services use.
const HISTOGRAMS = [
  { name: 'http_request_duration_seconds', perSecond: 1 },
  { name: 'http_request_duration_milliseconds', perSecond: 1000 },
];

export interface ResponseTimeRequest {
  quantile: number;
  /** Seconds; needed where the histogram can only say "above its largest bucket". */
  limit: number;
  requestsMin: number;
}

/** The quantile of response times in seconds: from the service's own histogram, or from the probes' latencies when it has none. */
export function measureResponseTime(window: Window, request: ResponseTimeRequest): Measurement {
  const readings = [...window.before, ...window.inside].flatMap((moment) => moment.sample.metrics ?? []);
  const histogram = HISTOGRAMS.find(({ name }) => readings.some((reading) => reading.name === `${name}_bucket`));
  if (histogram) return fromHistogram(window, request, histogram);
  return fromProbes(window, request);
}

function fromHistogram(
  window: Window,
  request: ResponseTimeRequest,
  histogram: (typeof HISTOGRAMS)[number],
): Measurement {
  const query = `${histogram.name}_bucket`;
  const increases = counterIncreases(window, (reading) => reading.name === query);
  const counts = new Map<string, number>();
  for (const { labels, increase } of increases)
    counts.set(labels['le'] ?? '', (counts.get(labels['le'] ?? '') ?? 0) + increase);
  const buckets = [...counts].map(([le, count]) => ({ upperBound: boundOf(le) / histogram.perSecond, count }));
  const known = buckets
    .filter((bucket) => !Number.isNaN(bucket.upperBound))
    .sort((a, b) => a.upperBound - b.upperBound);
  const total = known.reduce((most, bucket) => Math.max(most, bucket.count), 0);
  const used = window.inside.filter((moment) => hasMetrics(moment.sample)).length;
  const detail = `${formatCount(total)} requests, ${used} of ${window.inside.length} samples`;
  const base = { detail, used, query, points: known.map(asPoint) };
  const samples = doubtAboutSamples(window, hasMetrics, whyNoMetrics);
  const few = total < request.requestsMin ? fewerThan(request.requestsMin, 'requests', detail) : null;
  const found = histogramQuantile(request.quantile, known);
  switch (found.kind) {
    case 'value':
      return { ...base, value: found.value, openAbove: false, doubt: samples ?? few };
    case 'above': {
      const short = found.bound < request.limit ? tooCoarse(found.bound) : null;
      return { ...base, value: found.bound, openAbove: true, doubt: samples ?? few ?? short };
    }
    case 'no-observations':
      return {
        ...base,
        value: null,
        openAbove: false,
        doubt: samples ?? fewerThan(request.requestsMin, 'requests', detail),
      };
    case 'no-finite-bucket': {
      // Before the second reading there are no differences, so no bucket has been seen yet.
      const none = { outcome: 'could-not-measure' as const, reason: `${query} has no bucket below +Inf` };
      const waiting = { outcome: 'inconclusive' as const, reason: 'two readings of the metrics are needed' };
      return { ...base, value: null, openAbove: false, doubt: samples ?? (known.length === 0 ? waiting : none) };
    }
  }
}

function fromProbes(window: Window, request: ResponseTimeRequest): Measurement {
  const query = 'latency of the probes';
  const latencies = window.inside.flatMap((moment) =>
    latenciesOf(moment.sample).map((seconds) => ({ atSeconds: moment.sample.atSeconds, seconds })),
  );
  const doubt = doubtAboutSamples(window, isMeasured, whyNoProbes);
  const used = window.inside.filter((moment) => latenciesOf(moment.sample).length > 0).length;
  const detail = `${formatCount(latencies.length)} probes, because the service has no ${HISTOGRAMS[0]!.name}`;
  if (latencies.length === 0)
    return nothing(
      query,
      doubt ?? { outcome: 'could-not-measure', reason: `no latency was measured: 0 ${detail.slice(2)}` },
    );
  const sorted = latencies.map(({ seconds }) => seconds).sort((a, b) => a - b);
  // Nearest rank: a value that really occurred, there being too few for interpolation to mean anything.
  const value = sorted[Math.ceil(request.quantile * sorted.length) - 1] ?? sorted.at(-1)!;
  const few = latencies.length < request.requestsMin ? fewerThan(request.requestsMin, 'measurements', detail) : null;
  return { value, doubt: doubt ?? few, detail, openAbove: false, used, query, points: latencies };
}

// What could not be measured may carry the time that was spent in vain; that is no latency of the service.
function latenciesOf(sample: Sample): number[] {
  return sample.probes
    .filter(({ outcome }) => outcome === 'pass' || outcome === 'fail')
    .flatMap(({ latencySeconds }) => (latencySeconds === null ? [] : [latencySeconds + 0]))
    .filter((seconds) => Number.isFinite(seconds) && seconds >= 0);
}

function boundOf(le: string): number {
  return le === '+Inf' ? Number.POSITIVE_INFINITY : le === '' ? Number.NaN : Number(le);
}

// JSON has no infinity, so the bound is kept as Prometheus writes it.
function asPoint(bucket: Bucket): { le: string; count: number } {
  return {
    le: bucket.upperBound === Number.POSITIVE_INFINITY ? '+Inf' : String(bucket.upperBound),
    count: bucket.count,
  };
}

function fewerThan(min: number, what: string, detail: string): Doubt {
  return { outcome: 'inconclusive', reason: `fewer than ${min} ${what} (${detail})` };
}

function tooCoarse(bound: number): Doubt {
  return {
    outcome: 'inconclusive',
    reason: `it lies above the largest bucket of the histogram, ${bound} s; give it a bucket at the limit`,
  };
}
