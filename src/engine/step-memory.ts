import type { RouterState } from '../adapters/routers/router.ts';
import type { JournalEvent } from '../core/journal/event.ts';
import type { JsonObject } from '../core/release/json.ts';
import { problem } from '../core/release/problem.ts';
import { decisionsOn } from '../state/approvals.ts';
import { liveVersion, quarantineOf } from '../state/live.ts';
import { lockOf, takeLock } from '../state/locks.ts';
import { getRelease, moveRelease } from '../state/releases.ts';
import { plannedRouterState, planRouterState } from '../state/router-states.ts';
import { stepRuns } from '../state/step-runs.ts';
import { foundBefore, journalNote } from '../state/step-notes.ts';
import { roundsOf } from '../state/watch-samples.ts';
import { askAgain } from './ask-again.ts';
import type { Executor } from './engine-parts.ts';
import type { StepMemory } from './steps/step-tools.ts';

/** Our own memory as steps may use it. */
export function stepMemory(executor: Executor): StepMemory {
  const { db } = executor.database;
  const actor = { kind: 'executor' as const, id: executor.executorId };
  return {
    requestedBy: async (releaseId) => (await getRelease(db, releaseId)).requested_by,
    async approvals(releaseId) {
      const rows = await askAgain(() => decisionsOn(db, releaseId), executor);
      return rows.map(({ person, decision, reason, plan_digest: planDigest }) => ({
        person,
        decision,
        reason,
        planDigest,
      }));
    },
    waitFor: (releaseId, what) => moveRelease(db, releaseId, { to: 'waiting', actor, data: what, waitingFor: what }),
    stopWaiting: (releaseId) => moveRelease(db, releaseId, { to: 'running', actor }),
    takeLock: async (releaseId) => takeLock(db, await getRelease(db, releaseId), actor),
    async holdsLock(releaseId) {
      const row = await getRelease(db, releaseId);
      return (await lockOf(db, row.service, row.environment))?.release_id === releaseId;
    },
    async liveVersion(service, environment) {
      const live = await liveVersion(db, service, environment);
      return live === null ? null : { version: live.version, release: live.release };
    },
    quarantineReason: async (service, version) => (await quarantineOf(db, service, version))?.reason ?? null,
    async routerState(service, environment) {
      const text = await plannedRouterState(db, service, environment);
      return text === null ? null : (JSON.parse(text) as RouterState);
    },
    planRouterState: (releaseId, state) => writeRouterState(executor, releaseId, state),
    async resultOf(releaseId, stepId) {
      const run = (await stepRuns(db, releaseId)).find((step) => step.step_id === stepId);
      return run?.result === undefined || run.result === null ? null : (JSON.parse(run.result) as JsonObject);
    },
    tellLoss: (releaseId, stepId, { parts = [], uncounted }) =>
      note(executor, releaseId, {
        type: 'step.loses',
        data: { step: stepId, parts, uncounted: typeof uncounted === 'string' ? uncounted : null },
      }),
    noteShapes: (releaseId, stepId, shapes) =>
      note(executor, releaseId, { type: 'step.found', data: { step: stepId, shapes } }),
    notedShapes: async (releaseId, stepId) => (await foundBefore(db, releaseId, stepId))?.['shapes'] ?? null,
    async samples(releaseId) {
      const rounds = await roundsOf(db, releaseId);
      return rounds.map(({ round, sample, takenAtMs, action }) => ({ round, sample, takenAtMs, action }));
    },
  };
}

type Note = Pick<Extract<JournalEvent, { type: 'step.loses' | 'step.found' }>, 'type' | 'data'>;

async function note(executor: Executor, releaseId: string, { type, data }: Note): Promise<void> {
  const { db } = executor.database;
  const { service, environment } = await getRelease(db, releaseId);
  const actor = { kind: 'executor' as const, id: executor.executorId };
  await journalNote(db, { release: releaseId, service, environment, actor, type, data } as JournalEvent & Note);
}

/** A state that is written down already (an interrupted attempt) is left; a newer one of somebody else refuses us. */
async function writeRouterState(executor: Executor, releaseId: string, state: RouterState): Promise<void> {
  const { db } = executor.database;
  const { service, environment } = await getRelease(db, releaseId);
  const text = JSON.stringify(state);
  if (await planRouterState(db, { service, environment, release: releaseId }, state.generation, text)) return;
  if ((await plannedRouterState(db, service, environment)) === text) return;
  throw problem('stale-worker', `somebody changed the traffic of ${service} ${environment} meanwhile`, {
    next: `Look at it: shipway show ${releaseId}`,
  });
}
