import type { MetricReading, Sample } from './sample.ts';
import type { Window } from './window.ts';

/** By how much one counter grew between two samples. */
export interface Increase {
  atSeconds: number;
  labels: Record<string, string>;
  increase: number;
}

/**
 * The growth of cumulative counters inside the window, per instance and series, in the order of the samples.
 * The first reading of an instance is the base; a decrease is a reset, after which the counter began at 0; a series that an instance
 * did not show in its reading before stood at 0 then. Values that no counter can have (NaN, infinite, negative) are passed over.
 */
export function counterIncreases(window: Window, accept: (reading: MetricReading) => boolean): Increase[] {
  const base = window.before.findLast((moment) => hasMetrics(moment.sample));
  const moments = [...(base ? [base] : []), ...window.inside.filter((moment) => hasMetrics(moment.sample))];
  const known = new Map<string, Map<string, number>>();
  const increases: Increase[] = [];
  for (const { sample } of moments) {
    for (const [instance, readings] of byInstance(sample.metrics ?? [])) {
      const last = known.get(instance) ?? null;
      const next = new Map<string, number>();
      for (const reading of readings.filter(accept)) {
        const series = seriesOf(reading);
        const before = last === null ? Number.NaN : (last.get(series) ?? 0);
        const isCounter = Number.isFinite(reading.value) && reading.value >= 0;
        next.set(series, isCounter ? reading.value : before);
        if (!isCounter || Number.isNaN(before)) continue;
        const increase = reading.value >= before ? reading.value - before : reading.value;
        // "+ 0" turns -0 into 0, which is what comes back from JSON.
        increases.push({ atSeconds: sample.atSeconds, labels: reading.labels, increase: increase + 0 });
      }
      known.set(instance, next);
    }
  }
  return increases;
}

/** Whether the source of metrics could be read for this sample. */
export function hasMetrics(sample: Sample): boolean {
  return sample.metrics !== null;
}

/** Why there are no metrics in this sample. */
export function whyNoMetrics(sample: Sample): string {
  return sample.metricsProblem ?? 'no metrics are configured';
}

/** Sums in the order given, so that the same samples give the same bits. */
export function sumOf(increases: readonly Increase[]): number {
  return increases.reduce((sum, { increase }) => sum + increase, 0);
}

function byInstance(readings: MetricReading[]): Map<string, MetricReading[]> {
  const instances = new Map<string, MetricReading[]>();
  for (const reading of readings) {
    const list = instances.get(reading.instance);
    if (list) list.push(reading);
    else instances.set(reading.instance, [reading]);
  }
  return instances;
}

function seriesOf(reading: MetricReading): string {
  return JSON.stringify([
    reading.name,
    Object.entries(reading.labels).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  ]);
}
