import { describe, expect, test } from 'vitest';
import { probe, reading, requests, sample, series, verdictOf } from '../../../test/support/build-samples.ts';
import type { Outcome } from '../release/outcome.ts';
import type { Sample } from './sample.ts';

describe('pathological series', () => {
  const rate = 'error rate > 1% for 5 minutes';
  const checks = 'more than 3 failed health checks in 10 minutes';
  const bad = (i: number): Partial<Sample> => ({ metrics: requests(i * 50, i * 50), probes: [probe('pass')] });
  const infOnly = (i: number): Partial<Sample> => ({
    metrics: [reading('http_request_duration_seconds_bucket', i * 50, { le: '+Inf' })],
  });
  const shifted = (samples: Sample[], from: number, by: number): Sample[] =>
    samples.map((one, i) => (i < from ? one : { ...one, atSeconds: one.atSeconds + by }));
  const twice = series(20, () => ({ probes: [probe('fail')] })).slice(0, 2);

  const CASES: [string, string, Sample[], Outcome][] = [
    ['no samples at all', rate, [], 'inconclusive'],
    [
      'only NaN',
      'queue depth > 5 for 1 minute',
      series(60, () => ({ metrics: [reading('queue_depth', Number.NaN)] })),
      'could-not-measure',
    ],
    [
      'counters that turn NaN',
      rate,
      series(300, () => ({ metrics: requests(Number.NaN, Number.NaN) })),
      'inconclusive',
    ],
    [
      'one spike of a gauge',
      'queue depth > 500 for 5 minutes',
      series(300, (i) => ({ metrics: [reading('queue_depth', i === 15 ? 9e9 : 3)] })),
      'pass',
    ],
    [
      'a counter reset',
      rate,
      series(300, (i) => ({ metrics: requests((i % 15) * 1000, 900 - (i % 15 === 0 ? 900 : 0)) })),
      'fail',
    ],
    ['a reset of a healthy counter', rate, series(300, (i) => ({ metrics: requests((i % 15) * 1000, 0) })), 'pass'],
    ['traffic that stops', rate, series(600, (i) => bad(Math.min(i, 25))), 'inconclusive'],
    [
      'a prober that sees nothing',
      checks,
      series(300, () => ({ probes: [probe('could-not-measure', null)] })),
      'could-not-measure',
    ],
    ['a clock that jumps back', rate, shifted(series(600, bad), 30, -3600 + 3300), 'fail'],
    [
      'old failures when the clock jumps back',
      checks,
      shifted(
        series(900, (i) => ({ probes: [probe(i < 10 ? 'fail' : 'pass')] })),
        80,
        -3600,
      ),
      'pass',
    ],
    [
      'failures on both sides of a jump back',
      checks,
      shifted(
        series(100, (i) => ({ probes: [probe(i > 1 && i < 6 ? 'fail' : 'pass')] })),
        4,
        -3600,
      ),
      'fail',
    ],
    ['a clock that jumps forward', rate, shifted(series(300, bad), 25, 3600), 'inconclusive'],
    [
      'a clock that jumps by just one window',
      rate,
      [sample(0, bad(0)), sample(10, bad(1)), sample(300, bad(2))],
      'inconclusive',
    ],
    ['a sample delivered twice', checks, [...twice, ...twice, ...twice], 'pass'],
    [
      'a metric that is not there',
      'queue depth > 5 for 1 minute',
      series(60, () => ({ metrics: requests(1, 0) })),
      'could-not-measure',
    ],
    [
      'a counter that is not there',
      '> 5 automation failures in 10 minutes',
      series(60, () => ({ metrics: requests(1, 0) })),
      'could-not-measure',
    ],
    ['a single sample', rate, [sample(0, bad(9))], 'inconclusive'],
    ['a single sample without a window', 'error rate > 1%', [sample(0, bad(9))], 'inconclusive'],
    [
      'a histogram with nothing but +Inf',
      'p95 response time > 300 ms for 5 minutes',
      series(300, infOnly),
      'could-not-measure',
    ],
    ['negative counters', rate, series(300, (i) => ({ metrics: requests(-i * 100, -i) })), 'inconclusive'],
    ['negative memory', 'memory > 90% for 1 minute', series(60, () => ({ memoryShare: -1 })), 'could-not-measure'],
    [
      'a source silent in most samples',
      rate,
      series(300, (i) => (i % 3 === 0 ? bad(i) : { metricsProblem: 'refused' })),
      'could-not-measure',
    ],
    ['fewer requests than 20', rate, series(300, (i) => ({ metrics: requests(0, Math.min(i, 19)) })), 'inconclusive'],
    [
      'a newest sample that is long ago',
      checks,
      [...series(100, () => ({ probes: [probe('pass')] })), sample(110, { probes: [] })].slice(0, 11),
      'inconclusive',
    ],
  ];

  test.each(CASES)('%s', (title, text, samples, outcome) => {
    const now = title === 'a newest sample that is long ago' ? 5000 : (samples.at(-1)?.atSeconds ?? 0);
    expect(verdictOf(text, samples, now)[0]).toBe(outcome);
  });
});
