import { describe, expect, test } from 'vitest';
import type { Criterion, CriterionAction } from './criterion.ts';
import { judgeWatch } from './judge-watch.ts';
import { parseCriterion } from './parse-criterion.ts';
import type { Sample } from './sample.ts';

function criterion(text: string, action: CriterionAction): Criterion {
  const result = parseCriterion(text, action);
  if ('error' in result) throw new Error(result.error.message);
  return result.criterion;
}

function samplesUntil(seconds: number): Sample[] {
  return Array.from({ length: seconds / 10 + 1 }, (_, i) => ({
    atSeconds: i * 10,
    probes: [
      { name: 'Health', outcome: i < 3 ? ('fail' as const) : ('pass' as const), latencySeconds: 0.01, sentence: '' },
    ],
    metrics: [{ instance: 'api', name: 'queue_depth', labels: {}, type: 'gauge' as const, value: 600 }],
    metricsProblem: null,
    memoryShare: 0.95,
  }));
}

const warn = criterion('queue_depth > 500', 'warn');
const pause = criterion('memory > 90%', 'pause');
const rollBack = criterion('more than 2 failed health checks in 10 minutes', 'roll-back');

describe('judgeWatch', () => {
  test('rolling back comes before pausing, and pausing before a warning, whatever the order of the file', () => {
    const judged = (criteria: Criterion[]) =>
      judgeWatch({ config: { criteria, releaseWindow: null }, samples: samplesUntil(60), atSeconds: 60 });
    expect(judged([warn, pause, rollBack]).action?.kind).toBe('roll-back');
    expect(judged([warn, pause]).action?.kind).toBe('pause');
    expect(judged([warn]).action?.kind).toBe('warn');
    expect(judged([]).action).toBeNull();
  });

  test('among breaches with the same action the first of the file is the cause', () => {
    const second = criterion('failed health checks > 1 in 10 minutes', 'roll-back');
    const config = { criteria: [second, rollBack], releaseWindow: null };
    expect(judgeWatch({ config, samples: samplesUntil(60), atSeconds: 60 }).action?.verdict.criterion).toBe(
      second.text,
    );
  });

  test('stricter criteria hold up to the last second of the release window and not after it', () => {
    const config = { criteria: [warn], releaseWindow: { windowSeconds: 60, criteria: [pause] } };
    expect(judgeWatch({ config, samples: samplesUntil(60), atSeconds: 60 }).verdicts).toHaveLength(2);
    expect(judgeWatch({ config, samples: samplesUntil(60), atSeconds: 60 }).action?.kind).toBe('pause');
    const after = judgeWatch({ config, samples: samplesUntil(70), atSeconds: 60.001 });
    expect(after.verdicts).toHaveLength(1);
    expect(after.action?.kind).toBe('warn');
  });

  test('what is inconclusive or could not be measured sets nothing off', () => {
    const config = {
      criteria: [criterion('error rate > 1%', 'roll-back'), criterion('p95 latency > 1 ms for 1 hour', 'roll-back')],
      releaseWindow: null,
    };
    const judged = judgeWatch({ config, samples: samplesUntil(60), atSeconds: 60 });
    expect(judged.verdicts.map(({ outcome }) => outcome)).toEqual(['could-not-measure', 'inconclusive']);
    expect(judged.action).toBeNull();
  });
});
