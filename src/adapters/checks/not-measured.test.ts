import { expect, test } from 'vitest';
import { problem } from '../../core/release/problem.ts';
import { registerSecret } from '../../platform/redact.ts';
import { notMeasured, notMeasuredBecause } from './not-measured.ts';

test('a reason that holds a secret is masked', () => {
  registerSecret('API_TOKEN', 'sentinel-Hj6kV2zz');
  expect(notMeasured('GET http://x/?t=sentinel-Hj6kV2zz: no route').sentence).not.toContain('sentinel-Hj6kV2zz');
});

test('a problem becomes a result that says what to do, and anything else is thrown on', () => {
  const missing = problem('variable-missing', 'PORT is not set', { next: 'Set it.' });
  expect(notMeasuredBecause(missing, 'GET /')).toEqual({
    outcome: 'could-not-measure',
    sentence: 'GET / was not measured: PORT is not set. Set it.',
    measured: {},
    durationMs: 0,
  });
  expect(() => notMeasuredBecause(new TypeError('a mistake of ours'), 'GET /')).toThrow('a mistake of ours');
});
