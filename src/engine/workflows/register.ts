import { DBOS } from '@dbos-inc/dbos-sdk';
import type { ProblemRecord } from '../../core/release/problem.ts';
import type { Next } from '../run-release.ts';
import type { Durable, Engine } from './engine.ts';
import { runRelease } from './release.ts';
import { rollBack } from './rollback.ts';
import { watchVersion } from './watch.ts';

/**
 * Names under which the durable engine remembers what it has done. A running release is resumed by these names: changing one, or the
 * order of steps in a workflow, orphans releases that were begun before (docs/decisions).
 */
const NAMES = { release: 'release', rollback: 'rollback', watch: 'watch' } as const;

const durable: Durable = (name, step) => DBOS.runStep(step, { name });

/** Registers the workflows; called once, before the engine is launched. Returns how a release is started under an id. */
export function registerWorkflows(engine: Engine): (workflowId: string, releaseId: string) => Promise<void> {
  const watch = DBOS.registerWorkflow(
    (releaseId: string, stepId: string): Promise<Next> => watchVersion(engine, durable, releaseId, stepId),
    { name: NAMES.watch },
  );
  const back = DBOS.registerWorkflow(
    (releaseId: string, cause: ProblemRecord | null): Promise<void> =>
      rollBack(engine, durable, releaseId, cause ?? RESUMED),
    { name: NAMES.rollback },
  );
  const release = DBOS.registerWorkflow(
    (releaseId: string): Promise<void> =>
      runRelease(
        engine,
        durable,
        {
          watch: async (id, stepId) => (await DBOS.startWorkflow(watch)(id, stepId)).getResult(),
          rollBack: async (id, cause) => (await DBOS.startWorkflow(back)(id, cause)).getResult(),
        },
        releaseId,
      ),
    { name: NAMES.release },
  );
  return async (workflowId, releaseId) => {
    await DBOS.startWorkflow(release, { workflowID: workflowId })(releaseId);
  };
}

/** Stands in where the way back is written down already, with the cause it was begun for. */
const RESUMED: ProblemRecord = { kind: 'stopped', message: 'resumed', where: null, next: 'See the release.' };
