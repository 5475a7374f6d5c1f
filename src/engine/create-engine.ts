import { prestageOf } from '../core/plan/undo-with-data.ts';
import type { Json } from '../core/release/json.ts';
import { gap } from '../platform/gap.ts';
import type { ActiveRequests } from './active-requests.ts';
import type { Executor } from './engine-parts.ts';
import { loadRelease } from './loaded-release.ts';
import { effectFor } from './step-context.ts';
import { stepMemory } from './step-memory.ts';
import { beginRelease, endRelease, performPlanned, stopRelease } from './run-release.ts';
import { beginRollback, endRollback, performUndo } from './run-rollback.ts';
import { beginWatch, breakWatch, endWatch, watchRound } from './run-watch.ts';
import { throwUnlessLost } from './step-record.ts';
import type { Engine } from './workflows/engine.ts';

/** The durable steps of the workflows, bound to one executor. */
export function createEngine(executor: Executor, requests: ActiveRequests): Engine {
  /** An error that the loss of the database caused must not become the remembered result of a step: others go on with the release. */
  const ours = <T>(act: () => Promise<T>): Promise<T> => act().catch((error) => throwUnlessLost<T>(executor, error));
  const withoutEnd = async (releaseId: string, act: () => Promise<void>): Promise<void> => {
    await ours(act);
    requests.forget(releaseId);
    await forgetBackupKeys(executor, releaseId);
  };
  const atEnd = async (releaseId: string, act: () => Promise<void>): Promise<void> => {
    await discardWaiting(executor, releaseId);
    await withoutEnd(releaseId, act);
  };
  return {
    begin: (releaseId) => ours(() => begin(executor, requests, releaseId)),
    perform: (releaseId, stepId) => ours(() => performPlanned(executor, requests, releaseId, stepId)),
    end: (releaseId) => atEnd(releaseId, () => endRelease(executor, releaseId)),
    stop: (releaseId, to, cause) => {
      const stopped = (): Promise<void> => stopRelease(executor, releaseId, to, cause);
      // Whoever looks after a release that stopped half way may want its data back.
      return to === 'needs-human' ? withoutEnd(releaseId, stopped) : atEnd(releaseId, stopped);
    },
    beginRollback: (releaseId, cause) => ours(() => beginRollback(executor, releaseId, cause)),
    performUndo: (releaseId, stepId) => ours(() => performUndo(executor, releaseId, stepId)),
    endRollback: (releaseId) => atEnd(releaseId, () => endRollback(executor, releaseId)),
    beginWatch: (releaseId, stepId) => ours(() => beginWatch(executor, releaseId, stepId)),
    watchRound: (releaseId, stepId, round) => ours(() => watchRound(executor, requests, releaseId, { stepId, round })),
    endWatch: (releaseId, stepId) => ours(() => endWatch(executor, releaseId, stepId)),
    breakWatch: (releaseId, stepId, cause) => ours(() => breakWatch(executor, releaseId, { stepId, cause })),
  };
}

/** The way back is closed, so nothing on this machine may read the backup any more. What fails here fails no release: the next backup tries again. */
async function forgetBackupKeys(executor: Executor, releaseId: string): Promise<void> {
  try {
    const { plan } = await loadRelease(executor, releaseId);
    await executor.backups.forgetKeys(plan);
  } catch (error) {
    executor.log.warn(
      { release: releaseId, error: String(error) },
      'the keys of backups that are not needed any more were not deleted',
    );
  }
}

/**
 * While the lock is held, and in the same durable step as the end: whoever is killed in between does it again. A copy that cannot be deleted now
 * fails no release; shipway doctor shows it.
 */
async function discardWaiting(executor: Executor, releaseId: string): Promise<void> {
  try {
    const release = await loadRelease(executor, releaseId);
    if (release.row.finished_at !== null || prestageOf(release.plan) === null) return;
    const taken = await stepMemory(executor).resultOf(releaseId, textOf(prestageOf(release.plan)?.input['takenBy']));
    if (typeof taken?.['id'] !== 'string') return;
    const effect = effectFor(executor, release, `${releaseId}/end/1`, new AbortController().signal);
    await executor.backups.discardWaiting(release.plan, taken['id'], effect);
    await gap('end:waiting-discarded');
  } catch (error) {
    executor.log.warn({ release: releaseId, error: String(error) }, 'the copy of the data that waited was not deleted');
  }
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

async function begin(executor: Executor, requests: ActiveRequests, releaseId: string): ReturnType<Engine['begin']> {
  // A release that a person resumed is not stopped by what stopped the run before.
  requests.forget(releaseId);
  const release = await loadRelease(executor, releaseId);
  if (release.row.undo_digest !== null) return { way: 'back' };
  return { way: 'forward', steps: await beginRelease(executor, release) };
}
