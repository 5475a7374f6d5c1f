import type { Outcome } from '../release/outcome.ts';

/** One round of the watch: what was asked and what came back, raw, so that the verdict can be computed again later. */
export interface Sample {
  /** Seconds since the watch began, by the clock of the release. */
  atSeconds: number;
  /** One entry per probe. */
  probes: { name: string; outcome: Outcome; latencySeconds: number | null; sentence: string }[];
  /** Counters and gauges as read, per instance; null when the source could not be read. */
  metrics: MetricReading[] | null;
  /** Why the metrics are null. */
  metricsProblem: string | null;
  /** Share of the memory limit used by the fullest instance (0..1), or null. */
  memoryShare: number | null;
}

/** One line of Prometheus text: cumulative counters are kept raw, differences are taken by the judge (a decrease is a reset). */
export interface MetricReading {
  instance: string;
  name: string;
  labels: Record<string, string>;
  type: 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';
  value: number;
}
