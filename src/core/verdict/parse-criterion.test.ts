import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Comparison, Criterion, Quantity } from './criterion.ts';
import { formatCriterion } from './format-criterion.ts';
import { parseCriterion } from './parse-criterion.ts';

function metric(
  name: string,
  reading: 'value' | 'increase',
  extra: { labels?: Record<string, string>; per?: string } = {},
): Quantity {
  return { name: 'metric', metric: name, labels: extra.labels ?? {}, reading, per: extra.per ?? null };
}

const errors: Quantity = { name: 'error rate' };
const checks: Quantity = { name: 'failed health checks' };
const uptime: Quantity = { name: 'uptime' };
const memory: Quantity = { name: 'memory' };
const p = (quantile: number): Quantity => ({ name: 'response time', quantile });

const ACCEPTED: [string, Quantity, Comparison, number, number][] = [
  ['error rate > 1% for 5 minutes', errors, 'above', 0.01, 300],
  ['Error rate > 1% for 5+ minutes', errors, 'above', 0.01, 300],
  ['Error Rate: > 1% 5xx responses for 5 minutes', errors, 'above', 0.01, 300],
  ['error rate > 5%', errors, 'above', 0.05, 0],
  ['error rate > 0.5% for 2 minutes', errors, 'above', 0.005, 120],
  ['ERROR RATE >= 1 percent for 90s', errors, 'at-least', 0.01, 90],
  ['error rate rises above 2.5 % within 10 min', errors, 'above', 0.025, 600],
  ['5xx rate over 1% over the last 5 minutes', errors, 'above', 0.01, 300],
  ['more than 3 failed health checks in 10 minutes', checks, 'above', 3, 600],
  ['health check failures > 3 in 10 minutes', checks, 'above', 3, 600],
  ['Health check failures > 3 in 10 minutes', checks, 'above', 3, 600],
  ['healthcheck failures > 3 within 10m', checks, 'above', 3, 600],
  ['at least 3 failed checks in 1 hour', checks, 'at-least', 3, 3600],
  ['> 3 failed probes in the last 10 minutes', checks, 'above', 3, 600],
  ['over 3 health-check failures in 10 minutes', checks, 'above', 3, 600],
  ['p95 response time > 300 ms for 5 minutes', p(0.95), 'above', 0.3, 300],
  ['Response Time: p95 > 300ms for 5 minutes', p(0.95), 'above', 0.3, 300],
  ['p99 latency > 10000ms for 5+ minutes', p(0.99), 'above', 10, 300],
  ['p99 latency > 10,000 ms for 5 minutes', p(0.99), 'above', 10, 300],
  ['response time (p95) > 800ms', p(0.95), 'above', 0.8, 0],
  ['Response time (p95) over 1s for 5 minutes', p(0.95), 'above', 1, 300],
  ['p99.9 response time >= 2.5 seconds for 1 hour', p(0.999), 'at-least', 2.5, 3600],
  ['median response time > 250 ms for 5 minutes', p(0.5), 'above', 0.25, 300],
  ['p50 > 0.2 s for 1 minute', p(0.5), 'above', 0.2, 60],
  ['memory > 90% for 10 minutes', memory, 'above', 0.9, 600],
  ['Memory usage > 90% for 10+ minutes', memory, 'above', 0.9, 600],
  ['memory is at least 90% of the limit for 10 minutes', memory, 'at-least', 0.9, 600],
  ['uptime < 99.9% for 5 minutes', uptime, 'below', 0.999, 300],
  ['Uptime: < 99.9% for 5 minutes', uptime, 'below', 0.999, 300],
  ['availability drops below 99 % for 1 h', uptime, 'below', 0.99, 3600],
  ['uptime at most 99% for 5 minutes', uptime, 'at-most', 0.99, 300],
  ['queue depth > 500 for 5 minutes', metric('queue_depth', 'value'), 'above', 500, 300],
  ['Queue Depth > 500 for 5 minutes', metric('queue_depth', 'value'), 'above', 500, 300],
  ['queue_depth > 500', metric('queue_depth', 'value'), 'above', 500, 0],
  ['Queue_Depth > 500', metric('Queue_Depth', 'value'), 'above', 500, 0],
  ['queue_depth{queue="mail"} > 500', metric('queue_depth', 'value', { labels: { queue: 'mail' } }), 'above', 500, 0],
  [
    `queue depth {queue='a}b', kind="x\\"y"} >= 1_000`,
    metric('queue_depth', 'value', { labels: { queue: 'a}b', kind: 'x"y' } }),
    'at-least',
    1000,
    0,
  ],
  ['memory{} > 5', metric('memory', 'value'), 'above', 5, 0],
  ['memry{} > 5', metric('memry', 'value'), 'above', 5, 0],
  ['free_slots < 2 for 30 s', metric('free_slots', 'value'), 'below', 2, 30],
  ['balance below -5', metric('balance', 'value'), 'below', -5, 0],
  ['job:lag:seconds > .5', metric('job:lag:seconds', 'value'), 'above', 0.5, 0],
  ['> 5 automation failures in 10 minutes', metric('automation_failures', 'increase'), 'above', 5, 600],
  ['Automation Failures: > 5 failures in 10 minutes', metric('automation_failures', 'increase'), 'above', 5, 600],
  ['automation_failures_total > 5 in 10 minutes', metric('automation_failures_total', 'increase'), 'above', 5, 600],
  [
    'OAuth Refresh Failures: > 3 per user within 15 minutes',
    metric('oauth_refresh_failures', 'increase', { per: 'user' }),
    'above',
    3,
    900,
  ],
  [
    'more than 3 token refresh failures per user in 15 minutes',
    metric('token_refresh_failures', 'increase', { per: 'user' }),
    'above',
    3,
    900,
  ],
  ['if the error rate is over 1% for 5 minutes', errors, 'above', 0.01, 300],
  ['error rate over 5 minutes > 1%', errors, 'above', 0.01, 300],
  ['error rate over the last 5 minutes is above 1%', errors, 'above', 0.01, 300],
  ['p95 response time for 5 minutes over 300 ms', p(0.95), 'above', 0.3, 300],
  ['failed health checks in 10 minutes > 3', checks, 'above', 3, 600],
];

const REFUSED: [string, string, number, string][] = [
  ['', 'the criterion is empty', 0, 'Write e.g. `error rate > 1% for 5 minutes`.'],
  ['   ', 'the criterion is empty', 0, 'Write e.g. `error rate > 1% for 5 minutes`.'],
  ['error rate', 'has no limit', 10, 'error rate > 1% for 5 minutes'],
  ['error rate >', 'the limit is missing', 12, 'in digits'],
  ['error rate > many', '"many" is not a number', 13, 'in digits'],
  ['eror rate > 1%', '"eror rate" is not known; did you mean "error rate"?', 0, '`error rate`'],
  ['memry > 90% for 5 minutes', 'did you mean "memory"', 0, '`memry{}`'],
  [
    'more than 3 faild health checks in 10 minutes',
    'did you mean "failed health checks"',
    12,
    '`failed health checks`',
  ],
  ['p95 respnse time > 300 ms', 'did you mean "p95 response time"', 0, '`p95 response time`'],
  ['error rate > 1', '1 has no unit', 13, '`1%`'],
  ['error rate > 0.01 for 5 minutes', '0.01 has no unit', 13, '1% if 0.01 is meant as a fraction'],
  ['error rate > 1 ms', 'it has no "ms"', 15, '`1%`'],
  ['error rate > 150%', 'not between 0% and 100%', 13, 'between'],
  ['error rate > 100%', 'never above 100%', 13, 'below 100%'],
  ['error rate < 1%', 'good side', 11, '`> 1%`'],
  ['response time (p95) < 800ms', 'good side', 20, '`> 800ms`'],
  ['memory < 90% for 10 minutes', 'good side', 7, '`> 90%`'],
  ['uptime > 99.9% for 5 minutes', 'good side', 7, '`< 99.9%`'],
  ['fewer than 3 failed health checks in 10 minutes', 'good side', 0, '`> 3`'],
  ['failed health checks at least 0 in 5 minutes', 'always at least 0', 30, '> 0'],
  ['uptime at most 100% for 5 minutes', 'always at most', 15, '< 100%'],
  ['response time > 300 ms', 'does not say which one', 0, '`p95 response time > …`'],
  ['average latency > 300 ms', 'an average hides', 0, 'p95'],
  ['p100 latency > 300 ms', 'there is no p100', 0, 'p99.9'],
  ['p0 > 300 ms', 'there is no p0', 0, 'p95'],
  ['p999 latency > 300 ms', 'there is no p999', 0, 'p99.9'],
  ['error rate > 1,5%', '"1,5" is neither a decimal number', 13, 'Write `1.5` with a point.'],
  ['error rate > 0,500%', '"0,500" is neither a decimal number', 13, 'Write `0.500` with a point.'],
  ['p95 response time > 300 ms for 1,5 minutes', '"1,5" is neither', 31, 'Write `1.5` with a point.'],
  ['queue depth > 1,00,000', '"1,00,000" is neither', 14, 'Write `100000` without separators.'],
  ['p95 response time > 300', '300 has no unit', 20, '`300 ms`'],
  ['p95 response time > 300%', 'not measured in "%"', 23, '`300 ms`'],
  ['p95 response time > 300 ms for 5', '5 has no unit of time', 32, 'for 5 minutes'],
  ['p95 response time > 300 ms for 5 parsecs', '"parsecs" is not a unit of time', 33, 'for 5 minutes'],
  ['p95 response time > 300 ms for', 'no length of time', 30, 'for 5 minutes'],
  ['error rate > 1% for 0 minutes', 'no time', 20, 'for 5 minutes'],
  ['error rate > 1% for 5 minutes or so', '"or" is not understood', 30, 'End the criterion'],
  ['error rate > 1% roughly', '"roughly" is not understood', 16, 'Write units'],
  ['more than 3 failed health checks', 'needs the time', 32, 'more than 3 failed health checks in 10 minutes'],
  ['failed health checks > 3 for 10 minutes', 'a count is reached in a time', 25, '`in 10 minutes`'],
  ['failed health checks for 10 minutes > 3', 'a count is reached in a time', 21, '`in 10 minutes`'],
  ['memory > 90% in 10 minutes', 'a state that lasts', 13, '`for 10 minutes`'],
  ['more than 2.5 failed health checks in 10 minutes', '2.5 is not a count', 10, 'whole number'],
  ['queue depth > 500%', 'cannot be converted', 17, '`> 500`'],
  ['queue_depth{queue~"mail"} > 5', 'is not a label with a value', 12, 'queue="mail"'],
  ['queue_depth{queue="mail" > 5', '"{" has no meaning here', 11, 'Leave out'],
  ['> 5 in 10 minutes', 'what is measured is missing', 0, 'error rate > 1%'],
  ['error rate > 1% & memory > 90%', '"&" has no meaning here', 16, 'Leave out "&"'],
];

describe('parseCriterion', () => {
  test.each(ACCEPTED)('reads "%s"', (text, quantity, comparison, limit, windowSeconds) => {
    expect(parseCriterion(text, 'roll-back')).toEqual({
      criterion: { text: text.trim(), quantity, comparison, limit, windowSeconds, action: 'roll-back' },
    });
  });

  test.each(REFUSED)(
    'refuses "%s" at the word that is wrong, with what to write instead',
    (text, message, offset, fix) => {
      const result = parseCriterion(text, 'warn');
      if (!('error' in result)) throw new Error(`accepted as ${JSON.stringify(result)}`);
      expect(result.error.message).toContain(message);
      expect(result.error.offset).toBe(offset);
      expect(result.error.fix).toContain(fix);
    },
  );

  test('every criterion written in the one spelling of the manual is read back as itself', () => {
    fc.assert(
      fc.property(anyCriterion, (criterion) => {
        const text = formatCriterion(criterion);
        expect(parseCriterion(text, criterion.action)).toEqual({ criterion: { ...criterion, text } });
      }),
      { numRuns: 500 },
    );
  });

  test('no text makes it throw, and every fault points into the text', () => {
    const pieces = [
      'error',
      'rate',
      '>',
      '<=',
      '5',
      '%',
      'p95',
      'for',
      'in',
      'minutes',
      '{',
      '}',
      'per',
      'queue',
      '-',
      '5xx',
      'ms',
      ' ',
    ];
    const texts = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...pieces)).map((words) => words.join(' ')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const result = parseCriterion(text, 'warn');
        if (!('error' in result)) return;
        expect(result.error.offset).toBeGreaterThanOrEqual(0);
        expect(result.error.offset).toBeLessThanOrEqual(text.length);
        expect(result.error.fix).not.toBe('');
      }),
      { numRuns: 2000 },
    );
  });
});

const hundredths = fc.integer({ min: 1, max: 9_999 }).map((value) => Number((value / 10_000).toPrecision(12)));
const windows = fc.integer({ min: 1, max: 86_400 });
const badAbove = fc.constantFrom<Comparison>('above', 'at-least');
const action = fc.constantFrom<Criterion['action']>('roll-back', 'pause', 'warn');
const names = fc
  .stringMatching(/^[a-z]{1,8}(_[a-z]{1,8}){0,2}$/)
  .filter(
    (name) =>
      ![
        'for',
        'in',
        'if',
        'is',
        'per',
        'any',
        'the',
        'are',
        'was',
        'over',
        'above',
        'below',
        'under',
        'when',
        'exceed',
        'exceeds',
        'gets',
        'goes',
      ].includes(name),
  );
const labels = fc.dictionary(fc.constantFrom('queue', 'kind'), fc.string(), { noNullPrototype: true });

const anyCriterion: fc.Arbitrary<Criterion> = fc
  .oneof(
    fc.record({
      quantity: fc.constantFrom(errors, memory),
      comparison: badAbove,
      limit: hundredths,
      windowSeconds: windows,
    }),
    fc.record({
      quantity: fc.constant(uptime),
      comparison: fc.constantFrom<Comparison>('below', 'at-most'),
      limit: hundredths,
      windowSeconds: windows,
    }),
    fc.record({
      quantity: fc.constant(checks),
      comparison: badAbove,
      limit: fc.integer({ min: 1, max: 1e6 }),
      windowSeconds: windows,
    }),
    fc.record({
      quantity: fc.constantFrom(0.5, 0.9, 0.95, 0.99, 0.999).map(p),
      comparison: badAbove,
      limit: fc.integer({ min: 1, max: 600_000 }).map((ms) => ms / 1000),
      windowSeconds: fc.oneof(windows, fc.constant(0)),
    }),
    fc.record({
      quantity: fc.record({
        name: fc.constant('metric' as const),
        metric: names,
        labels,
        reading: fc.constant('value' as const),
        per: fc.option(names),
      }),
      comparison: fc.constantFrom<Comparison>('above', 'at-least', 'below', 'at-most'),
      limit: fc.integer({ min: -1e9, max: 1e9 }),
      windowSeconds: fc.oneof(windows, fc.constant(0)),
    }),
    fc.record({
      quantity: fc.record({
        name: fc.constant('metric' as const),
        metric: names,
        labels,
        reading: fc.constant('increase' as const),
        per: fc.option(names),
      }),
      comparison: badAbove,
      limit: fc.integer({ min: 0, max: 1e9 }),
      windowSeconds: windows,
    }),
  )
  .chain((part) => action.map((chosen) => ({ text: '', ...part, action: chosen })));
