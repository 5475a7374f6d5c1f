import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { histogramQuantile } from './histogram-quantile.ts';

const INF = Number.POSITIVE_INFINITY;

describe('histogramQuantile', () => {
  test('interpolates between the bounds of the bucket, the lowest beginning at 0', () => {
    const buckets = [
      { upperBound: 0.2, count: 10 },
      { upperBound: 0.4, count: 30 },
      { upperBound: INF, count: 30 },
    ];
    expect(histogramQuantile(1 / 6, buckets)).toEqual({ kind: 'value', value: 0.1 });
    expect(histogramQuantile(0.5, buckets)).toEqual({ kind: 'value', value: expect.closeTo(0.25, 12) });
  });

  test('says "above" when the observation lies beyond the largest finite bucket', () => {
    expect(
      histogramQuantile(0.9, [
        { upperBound: 1, count: 5 },
        { upperBound: INF, count: 10 },
      ]),
    ).toEqual({ kind: 'above', bound: 1 });
  });

  test('has no value without observations or without a finite bucket', () => {
    expect(
      histogramQuantile(0.9, [
        { upperBound: 1, count: 0 },
        { upperBound: INF, count: 0 },
      ]),
    ).toEqual({ kind: 'no-observations' });
    expect(histogramQuantile(0.9, [{ upperBound: INF, count: 10 }])).toEqual({ kind: 'no-finite-bucket' });
    expect(histogramQuantile(0.9, [])).toEqual({ kind: 'no-finite-bucket' });
  });

  test('counts that fall from one bucket to the next are read as not falling', () => {
    const buckets = [
      { upperBound: 1, count: 10 },
      { upperBound: 2, count: 9 },
      { upperBound: INF, count: 10 },
    ];
    expect(histogramQuantile(1, buckets)).toEqual({ kind: 'value', value: 1 });
  });

  test('the quantile of real observations lies in the bucket in which PromQL would find it', () => {
    const observations = fc.array(fc.double({ min: 0.001, max: 9.9, noNaN: true }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(observations, fc.double({ min: 0.01, max: 0.999, noNaN: true }), (values, quantile) => {
        const bounds = [0.1, 0.5, 1, 5, 10];
        const buckets = bounds.map((upperBound) => ({
          upperBound,
          count: values.filter((value) => value <= upperBound).length,
        }));
        const found = histogramQuantile(quantile, [...buckets, { upperBound: INF, count: values.length }]);
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.max(0, Math.ceil(quantile * values.length) - 1)]!;
        const at = bounds.findIndex((bound) => exact <= bound);
        expect(found.kind).toBe('value');
        if (found.kind !== 'value') return;
        expect(found.value).toBeLessThanOrEqual(bounds[at]! + 1e-12);
        expect(found.value).toBeGreaterThanOrEqual((bounds[at - 1] ?? 0) - 1e-12);
      }),
    );
  });
});
