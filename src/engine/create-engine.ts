import type { ActiveRequests } from './active-requests.ts';
import type { Executor } from './engine-parts.ts';
import { loadRelease } from './loaded-release.ts';
import { beginRelease, endRelease, performPlanned, stopRelease } from './run-release.ts';
import { beginRollback, endRollback, performUndo } from './run-rollback.ts';
import { beginWatch, breakWatch, endWatch, watchRound } from './run-watch.ts';
import type { Engine } from './workflows/engine.ts';

/** The durable steps of the workflows, bound to one executor. */
export function createEngine(executor: Executor, requests: ActiveRequests): Engine {
  return {
    async begin(releaseId) {
      const release = await loadRelease(executor, releaseId);
      if (release.row.undo_digest !== null) return { way: 'back' };
      return { way: 'forward', steps: await beginRelease(executor, release) };
    },
    perform: (releaseId, stepId) => performPlanned(executor, requests, releaseId, stepId),
    end: (releaseId) => endRelease(executor, releaseId),
    stop: (releaseId, to, cause) => stopRelease(executor, releaseId, to, cause),
    beginRollback: (releaseId, cause) => beginRollback(executor, releaseId, cause),
    performUndo: (releaseId, stepId) => performUndo(executor, releaseId, stepId),
    endRollback: (releaseId) => endRollback(executor, releaseId),
    beginWatch: (releaseId, stepId) => beginWatch(executor, releaseId, stepId),
    watchRound: (releaseId, stepId, round) => watchRound(executor, requests, releaseId, { stepId, round }),
    endWatch: (releaseId, stepId) => endWatch(executor, releaseId, stepId),
    breakWatch: (releaseId, stepId, cause) => breakWatch(executor, releaseId, { stepId, cause }),
  };
}
