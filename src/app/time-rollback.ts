import type { PhaseName, Plan } from '../core/plan/plan.ts';
import { secondsBetween, type ReleaseView, type StepView } from './release-view.ts';

/** How long a rollback took, by part, and what it may take. */
export interface RollbackTime {
  /** `full`: the data was taken back too. */
  depth: 'quick' | 'full';
  /** From the decision to the version that is back and verified. */
  seconds: number;
  budgetSeconds: number;
  /** In the order in which they were begun; what took no time is left out. */
  parts: { name: string; seconds: number }[];
}

const BUDGET_SECONDS = { quick: 300, full: 900 }; // document F: under 5 and under 15 minutes

const SHOWN_FROM_SECONDS = 0.05; // less is shown as 0

const PARTS: Record<PhaseName, string> = {
  prepare: 'checklist',
  gate: 'approval',
  lock: 'lock',
  backup: 'backup',
  data: 'data',
  maintenance: 'maintenance',
  migrate: 'data',
  deploy: 'code',
  verify: 'verification',
  watch: 'watch',
  retire: 'stopping the other version',
};

const TAKES_DATA_BACK: ReadonlySet<string> = new Set(['migrate-down', 'swap-restore']);

/** Null while nothing was rolled back. */
export function timeOfRollback(release: ReleaseView, plan: Plan, steps: readonly StepView[]): RollbackTime | null {
  if (release.state !== 'rolled-back' || release.finishedAt === null) return null;
  const byHand = plan.kind === 'rollback';
  const own = steps.filter((step) => step.isUndo !== byHand && step.startedAt !== null);
  const begun = byHand ? release.createdAt : own.map((step) => step.startedAt ?? '').toSorted()[0];
  const depth = own.some((step) => TAKES_DATA_BACK.has(step.kind)) ? 'full' : 'quick';
  const seconds = begun === undefined ? 0 : secondsBetween(begun, release.finishedAt);
  return { depth, seconds, budgetSeconds: BUDGET_SECONDS[depth], parts: partsOf(own) };
}

function partsOf(steps: readonly StepView[]): RollbackTime['parts'] {
  const parts = new Map<string, number>();
  for (const { phase, tookSeconds } of steps) {
    const name = Object.hasOwn(PARTS, phase) ? PARTS[phase as PhaseName] : phase;
    parts.set(name, (parts.get(name) ?? 0) + (tookSeconds ?? 0));
  }
  return [...parts].map(([name, seconds]) => ({ name, seconds })).filter((one) => one.seconds >= SHOWN_FROM_SECONDS);
}
