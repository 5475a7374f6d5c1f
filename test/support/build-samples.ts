import type { Outcome } from '../../src/core/release/outcome.ts';
import type { Criterion } from '../../src/core/verdict/criterion.ts';
import { judge } from '../../src/core/verdict/judge.ts';
import { parseCriterion } from '../../src/core/verdict/parse-criterion.ts';
import type { MetricReading, Sample } from '../../src/core/verdict/sample.ts';

/** The criterion of these words, with the action to roll back. */
export function criterion(text: string): Criterion {
  const result = parseCriterion(text, 'roll-back');
  if ('error' in result) throw new Error(result.error.message);
  return result.criterion;
}

/** One line of metrics. */
export function reading(
  name: string,
  value: number,
  labels: Record<string, string> = {},
  instance = 'api-1',
): MetricReading {
  return { instance, name, labels, type: 'untyped', value };
}

/** The request counters of one instance, answered with 200 and with 503. */
export function requests(ok: number, failed: number, instance = 'api-1'): MetricReading[] {
  return [
    reading('http_requests_total', ok, { status: '200' }, instance),
    reading('http_requests_total', failed, { status: '503' }, instance),
  ];
}

/** A round of the watch in which nothing was measured but what is given. */
export function sample(atSeconds: number, part: Partial<Sample> = {}): Sample {
  return { atSeconds, probes: [], metrics: null, metricsProblem: null, memoryShare: null, ...part };
}

/** One sample every 10 s from 0 to `seconds`, made by index. */
export function series(seconds: number, part: (index: number) => Partial<Sample>): Sample[] {
  return Array.from({ length: seconds / 10 + 1 }, (_, index) => sample(index * 10, part(index)));
}

/** A probe of /health. */
export function probe(outcome: Outcome, latencySeconds: number | null = 0.02): Sample['probes'][number] {
  return { name: 'Health', outcome, latencySeconds, sentence: `GET /health ${outcome}` };
}

/** Outcome and sentence of the judgement at the newest sample, or at the moment given. */
export function verdictOf(
  text: string,
  samples: Sample[],
  nowSeconds = samples.at(-1)?.atSeconds ?? 0,
): [Outcome, string] {
  const { outcome, sentence } = judge({ criterion: criterion(text), samples, nowSeconds });
  return [outcome, sentence];
}
