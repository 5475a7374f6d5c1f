import { describe, expect, test } from 'vitest';
import { testEffect } from '../../../test/support/test-effect.ts';
import { isProblem } from '../../core/release/problem.ts';
import type { Json } from '../../core/release/json.ts';
import { metricKinds } from './index.ts';
import type { MetricInstance, MetricSource } from './metric-source.ts';

/** What an implementation gives, so that the contract can be tried on it; settings as in a release file. */
export interface MetricSourceCase {
  kind: keyof typeof metricKinds;
  settings(): object;
  /** Two instances whose counter `requests_total` stands at 5 and at 7. */
  healthy(): MetricInstance[];
  /** Cannot be read. */
  broken(): MetricInstance;
  /** Never answers. */
  silent(): MetricInstance;
}

/** The promises of a metric source, tried on one implementation. */
export function describeMetricSource(one: MetricSourceCase): void {
  describe(`every metric source: ${one.kind}`, () => {
    const open = (): MetricSource =>
      metricKinds[one.kind].open(metricKinds[one.kind].settings.parse(one.settings()) as Json);

    test('settings that were checked may be checked again', () => {
      const checked = metricKinds[one.kind].settings.parse(one.settings());
      expect(metricKinds[one.kind].settings.parse(checked)).toEqual(checked);
    });

    test('counters are read raw, per instance, in the order of the instances', async () => {
      const readings = await open().read(one.healthy(), testEffect('/'));
      const counters = readings.filter(({ name }) => name === 'requests_total');
      expect(counters.map(({ instance, value }) => [instance, value])).toEqual([
        [one.healthy()[0]?.id, 5],
        [one.healthy()[1]?.id, 7],
      ]);
    });

    test('one instance that cannot be read makes the whole reading a problem that names it', async () => {
      const error: unknown = await open()
        .read([...one.healthy(), one.broken()], testEffect('/'))
        .catch((reason: unknown) => reason);
      expect(isProblem(error) && error.message).toContain(one.broken().base);
      expect(isProblem(error) && error.next).not.toBe('');
    });

    test('no instance at all is a problem, not an empty reading', async () => {
      await expect(open().read([], testEffect('/'))).rejects.toSatisfy(isProblem);
    });

    test('a stopped release ends the reading at once', async () => {
      const effect = testEffect('/');
      const reading = open().read([one.silent()], effect);
      effect.abort();
      await expect(reading).rejects.toSatisfy(isProblem);
    });
  });
}
