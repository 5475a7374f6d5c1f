import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { criterion } from '../../../test/support/build-samples.ts';
import type { Outcome } from '../release/outcome.ts';
import { judge } from './judge.ts';

describe('replay', () => {
  const value = fc.oneof(fc.constant(-0), fc.double(), fc.integer({ min: 0, max: 1e6 }));
  const anyReading = fc.record({
    instance: fc.constantFrom('api-1', 'api-2'),
    name: fc.constantFrom(
      'http_requests_total',
      'errors_total',
      'http_request_duration_seconds_bucket',
      'queue_depth',
      'failures_total',
    ),
    labels: fc.oneof(
      fc.constant({}),
      fc.constantFrom('200', '500').map((status) => ({ status })),
      fc.constantFrom('0.1', '1', '+Inf', 'x').map((le) => ({ le })),
    ),
    type: fc.constant('untyped' as const),
    value,
  });
  const anyProbe = fc.record({
    name: fc.constant('Health'),
    outcome: fc.constantFrom<Outcome>('pass', 'fail', 'inconclusive', 'could-not-measure'),
    latencySeconds: fc.option(value),
    sentence: fc.constant('said'),
  });
  const anySample = fc.record({
    atSeconds: fc.integer({ min: -10, max: 700 }),
    probes: fc.array(anyProbe, { maxLength: 3 }),
    metrics: fc.option(fc.array(anyReading, { maxLength: 6 })),
    metricsProblem: fc.option(fc.constant('refused')),
    memoryShare: fc.option(value),
  });
  const rules = [
    'error rate > 1% for 5 minutes',
    'error rate > 1%',
    'p95 response time > 300 ms for 1 minute',
    'more than 3 failed health checks in 10 minutes',
    'uptime < 99.9% for 5 minutes',
    'memory > 90% for 1 minute',
    'queue_depth > 5 for 1 minute',
    'queue_depth per status > 5',
    '> 5 failures in 10 minutes',
  ];

  test('samples that went through JSON give the same verdict, bit for bit, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(anySample, { maxLength: 40 }), fc.constantFrom(...rules), (samples, text) => {
        const request = { criterion: criterion(text), samples, nowSeconds: 700 };
        const first = judge(request);
        const stored = JSON.parse(JSON.stringify(request)) as typeof request;
        expect(JSON.stringify(judge(stored))).toBe(JSON.stringify(first));
        expect(first).toEqual(JSON.parse(JSON.stringify(first)));
      }),
      { numRuns: 2000 },
    );
  });
});
