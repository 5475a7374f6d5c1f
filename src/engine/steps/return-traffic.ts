import { problem } from '../../core/release/problem.ts';
import { awaitHealth } from './check-health.ts';
import { putTraffic, slotsFor } from './shift-traffic.ts';
import type { Step, StepContext } from './step.ts';
import { wantOf } from './step-want.ts';

/**
 * Takes `shift-traffic` back: all new requests go to what served before. It is still warm, so this takes milliseconds; if it died
 * meanwhile, it is started again first.
 */
export const returnTrafficStep: Step = {
  kind: 'return-traffic',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const previous = context.plan.previous;
    if (previous === null) return putTraffic([], context);
    const warm = await slotsFor(previous.release, context);
    const slots = warm.length > 0 ? warm : await startAgain(context, previous);
    if (slots.length === 0) {
      throw problem(
        'router-failed',
        `${previous.version} (${previous.release}) does not run, so nothing can take the traffic back`,
        {
          where: context.step.id,
          next: `Look at its last lines: shipway show ${context.releaseId}`,
        },
      );
    }
    return { ...(await putTraffic(slots, context)), startedAgain: warm.length === 0 };
  },
};

async function startAgain(context: StepContext, previous: { version: string; release: string }) {
  context.effect.report(`${previous.version} is not running any more; it is started again`);
  const want = { ...wantOf(context), version: previous.version, release: previous.release };
  await context.tools.adapters.target(context.plan).apply(want, context.effect);
  await awaitHealth(context, previous.release);
  return slotsFor(previous.release, context);
}
