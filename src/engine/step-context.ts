import { resolve } from 'node:path';
import type { Plan, PlannedStep } from '../core/plan/plan.ts';
import type { Effect } from '../platform/effect.ts';
import { exists } from '../platform/files.ts';
import { HOME_MARK, homeMark } from '../platform/home-mark.ts';
import { replacedPath } from '../platform/replace-file.ts';
import { redact } from '../platform/redact.ts';
import { addStepLine } from '../state/step-runs.ts';
import type { Executor } from './engine-parts.ts';
import type { LoadedRelease } from './loaded-release.ts';
import { stepMemory } from './step-memory.ts';
import type { StepContext } from './steps/step.ts';

/** The means of one attempt of one step: its token, its signal, its variables. */
export function effectFor(
  executor: Executor,
  release: Pick<LoadedRelease, 'row' | 'plan'>,
  token: string,
  signal: AbortSignal,
): Effect {
  const variables = executor.variablesFor(release.plan);
  const stepId = token.split('/')[1] ?? '';
  return {
    token,
    signal: AbortSignal.any([signal, executor.lost]),
    clock: executor.clock,
    resolve: (text) => variables.resolve(text),
    environment: (extra) => ({ ...variables.environment(extra), [HOME_MARK]: homeMark(executor.stateDirectory) }),
    projectDirectory: executor.projectDirectory,
    stateDirectory: executor.stateDirectory,
    report: (line) => reportLine(executor, release.row.id, stepId, line),
  };
}

export function contextFor(executor: Executor, release: LoadedRelease, step: PlannedStep, signal: AbortSignal) {
  return (attempt: number, begunAt: string): StepContext => ({
    releaseId: release.row.id,
    plan: release.plan,
    planDigest: release.planDigest,
    step,
    begunAt,
    effect: effectFor(
      executor,
      { row: release.row, plan: readBy(step, release, executor.projectDirectory) },
      `${release.row.id}/${step.id}/${attempt}`,
      signal,
    ),
    tools: { adapters: executor.adapters, backups: executor.backups, memory: stepMemory(executor) },
  });
}

/** Asked of the version that goes, or done with its files. What ends maintenance is asked of the one that serves again. */
const OF_NEWER = new Set<PlannedStep['kind']>(['migrate-down', 'begin-maintenance']);

/** What belongs to the newer version reads its env file: when the one before is back already, that is the one that was put aside. */
function readBy(step: PlannedStep, { row, plan }: LoadedRelease, projectDirectory: string): Plan {
  if (!OF_NEWER.has(step.kind) || plan.envFile === null) return plan;
  const aside = replacedPath(plan.envFile, row.id);
  return exists(resolve(projectDirectory, aside)) ? { ...plan, envFile: aside } : plan;
}

/** Progress is for people; losing a line must not stop a release. */
function reportLine(executor: Executor, releaseId: string, stepId: string, line: string): void {
  const masked = redact(line);
  executor.log.info({ release: releaseId, step: stepId }, masked);
  addStepLine(executor.database.db, releaseId, stepId, masked).catch((error: unknown) => {
    executor.log.warn({ release: releaseId, error: String(error) }, 'a line of progress was not stored');
  });
}
