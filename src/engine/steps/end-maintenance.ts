import type { CheckResult } from '../../adapters/checks/check.ts';
import type { NamedCheck } from '../../core/config/service-config.ts';
import { problem } from '../../core/release/problem.ts';
import { call, meansOf } from './begin-maintenance.ts';
import { joinProject, removeFlag } from './step-flag.ts';
import type { Step, StepContext } from './step.ts';

const TRIES_MIN = 10; // a service that reads a flag now and then needs some seconds to see that it is gone

/** Lets the service work again, and believes it only when its check says so no more. */
export const endMaintenanceStep: Step = {
  kind: 'end-maintenance',
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const means = meansOf(context);
    // The router has no switch of its own: it serves again when requests are sent to a version.
    if (means === 'router') return { by: 'router' };
    if ('file' in means.by) await removeFlag(joinProject(means.by.file, context));
    else await call(means.by.off, context);
    if (means.check === null) return { works: 'not looked at' };
    return { works: await awaitWork(means.check, context) };
  },
};

/** A service that nobody reaches does not refuse work, and does none either; a command that was ended says nothing. */
function isAnswer({ measured }: CheckResult): boolean {
  return measured['status'] !== null && measured['timedOut'] !== true && measured['exitCode'] !== null;
}

/** The check passes while work is refused. What cannot be measured is not a service that works. */
async function awaitWork(check: NamedCheck, context: StepContext): Promise<string> {
  const { adapters } = context.tools;
  const { clock, signal } = context.effect;
  const tries = Math.max(check.tries, TRIES_MIN);
  for (let count = 1; ; count += 1) {
    const result = await adapters.runCheck({ ...check, tries: 1 }, {}, context.effect);
    if (result.outcome === 'fail' && isAnswer(result)) return result.sentence;
    if (count >= tries) {
      throw problem('check-failed', `maintenance was ended, but "${check.name}" says otherwise: ${result.sentence}`, {
        where: context.step.id,
        next: 'See that the service works again, then go on: shipway resume',
      });
    }
    await clock.sleep(check.everySeconds * 1000, signal);
  }
}
