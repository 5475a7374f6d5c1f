import type { Criterion, CriterionAction } from './criterion.ts';
import { judge } from './judge.ts';
import type { Sample } from './sample.ts';
import type { Verdict } from './verdict.ts';

export interface WatchJudgement {
  config: {
    criteria: Criterion[];
    /** Criteria that count only until `windowSeconds` of the watch have passed. */
    releaseWindow: { windowSeconds: number; criteria: Criterion[] } | null;
    everySeconds?: number;
  };
  samples: Sample[];
  /** Seconds since the watch began. */
  atSeconds: number;
}

// The graver action wins: a version that must go is not kept because something else only asks for a pause.
const GRAVITY: readonly CriterionAction[] = ['roll-back', 'pause', 'warn'];

/** Judges every criterion that holds now and names the action to take: the gravest, and among equals the first of the release file. */
export function judgeWatch({ config, samples, atSeconds }: WatchJudgement): {
  verdicts: Verdict[];
  action: null | { kind: CriterionAction; verdict: Verdict };
} {
  const inWindow = config.releaseWindow !== null && atSeconds <= config.releaseWindow.windowSeconds;
  const criteria = [...config.criteria, ...(inWindow ? (config.releaseWindow?.criteria ?? []) : [])];
  const pace = config.everySeconds === undefined ? {} : { everySeconds: config.everySeconds };
  const verdicts = criteria.map((criterion) => judge({ criterion, samples, nowSeconds: atSeconds, ...pace }));
  for (const kind of GRAVITY) {
    const verdict = verdicts.find((one) => one.outcome === 'fail' && one.action === kind);
    if (verdict) return { verdicts, action: { kind, verdict } };
  }
  return { verdicts, action: null };
}
