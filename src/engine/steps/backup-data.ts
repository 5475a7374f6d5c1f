import { orWithoutSafetyBackup, WITHOUT_SAFETY_BACKUP } from '../../core/backup/no-safety-backup.ts';
import type { NamedStore } from '../../core/config/service-config.ts';
import type { Chosen } from '../../core/config/service-config.ts';
import { gatherContext } from './step-backup-context.ts';
import type { Step, StepContext } from './step.ts';
import { textInput } from './step-want.ts';

/** Takes one consistent, verified backup of the plan's stores. Its id is fixed by the release and the step, so it is taken once. */
export const backupDataStep: Step = {
  kind: 'backup-data',
  // A sealed backup of that id is returned as it is; a half one is removed and taken again.
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const { releaseId, effect, tools } = context;
    const plan = planOfRunning(context);
    const reason = context.step.input['reason'] as string;
    const taking = tools.backups.create(
      plan,
      {
        key: `${releaseId}/${context.step.id}`,
        begunAt: context.begunAt,
        reason,
        release: releaseId,
        stores: storesOf(context),
        context: await gatherContext({
          adapters: tools.adapters,
          plan,
          migrate: migrateOf(context),
          configuration: plan.configFingerprint === '' ? null : plan.configFingerprint,
          effect,
        }),
      },
      effect,
    );
    const summary = await taking.catch((error: unknown) => {
      throw reason === 'pre-rollback' ? orWithoutSafetyBackup(error, howWithout(context)) : error;
    });
    const { id, bytes, storedBytes, stores, encryptedFor } = summary;
    return { id, bytes, storedBytes, stores, encryptedFor };
  },
};

/** A way back that has begun is not asked for again: its step is passed over. */
function howWithout(context: StepContext): string {
  const { releaseId, step } = context;
  return textInput(context, 'runs') === null
    ? WITHOUT_SAFETY_BACKUP
    : `shipway resume ${releaseId} --step ${step.id} --was done`;
}

/** On the way back out of a release it is the newer version that runs, and whose data it is. */
function planOfRunning(context: StepContext): StepContext['plan'] {
  const runs = textInput(context, 'runs');
  return runs === null ? context.plan : { ...context.plan, previous: { version: runs, release: context.releaseId } };
}

/** Before a release the files of the version that comes; before a rollback those of the one that runs. */
function migrateOf({ plan, step }: StepContext): { chosen: Chosen; version: string } | null {
  const chosen = step.input['migrate'];
  if (chosen === undefined || chosen === null) return null;
  const version = plan.kind === 'rollback' ? (plan.previous?.version ?? plan.version.number) : plan.version.number;
  return { chosen: chosen as unknown as Chosen, version };
}

/** The stores that the step names, with their settings from the plan. */
export function storesOf(context: Pick<StepContext, 'plan' | 'step'>): NamedStore[] {
  const names = context.step.input['stores'] as string[];
  return context.plan.stores.filter((store) => names.includes(store.name));
}
