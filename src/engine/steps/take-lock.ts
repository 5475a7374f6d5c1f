import { problem } from '../../core/release/problem.ts';
import type { Step, StepContext } from './step.ts';

/**
 * Takes the lock of service and environment; from here on nobody else changes them until this release is over. Refuses when the plan
 * was overtaken while it waited: its way back would lead to a version that no longer runs, and the one that runs would be left behind.
 */
export const takeLockStep: Step = {
  kind: 'take-lock',
  async observe({ tools, releaseId }) {
    // Held already is not done: whether the plan still fits may not have been asked yet.
    return (await tools.memory.holdsLock(releaseId)) ? { state: 'half' } : { state: 'not-begun' };
  },
  async act(context) {
    await context.tools.memory.takeLock(context.releaseId);
    await refuseOvertaken(context);
    return {};
  },
};

async function refuseOvertaken({ plan, step, tools }: StepContext): Promise<void> {
  const live = await tools.memory.liveVersion(plan.service, plan.environment);
  const next = `Plan it again: shipway plan ${plan.version.number} --env ${plan.environment}`;
  if (live?.release !== plan.previous?.release) {
    const now = live === null ? 'nothing' : `${live.version} (${live.release})`;
    const then = plan.previous === null ? 'nothing' : `${plan.previous.version} (${plan.previous.release})`;
    throw problem('refused', `${now} runs in ${plan.environment} now; the plan was made for ${then}`, {
      where: step.id,
      next,
    });
  }
  const reason =
    plan.kind === 'rollback' ? null : await tools.memory.quarantineReason(plan.service, plan.version.number);
  if (reason === null) return;
  throw problem(
    'refused',
    `${plan.service} ${plan.version.number} was put into quarantine while this release waited: ${reason}`,
    {
      where: step.id,
      next,
    },
  );
}
