import type { Want } from '../../adapters/targets/target.ts';
import type { Instance } from '../../core/release/version.ts';
import type { StepContext } from './step.ts';

/** What the release of this step wants to run: the version in the step's input, under the release's own id. */
export function wantOf(context: StepContext): Want {
  const { plan, step, releaseId } = context;
  return {
    service: plan.service,
    environment: plan.environment,
    version: textInput(context, 'version') ?? plan.version.number,
    release: textInput({ ...context, step }, 'release') ?? releaseId,
    previousVersion: plan.previous?.version ?? null,
  };
}

/** A text field of the step's input, or null. */
export function textInput(context: Pick<StepContext, 'step'>, key: string): string | null {
  const value = context.step.input[key];
  return typeof value === 'string' ? value : null;
}

/** A number field of the step's input, or the fallback. */
export function numberInput(context: Pick<StepContext, 'step'>, key: string, fallback: number): number {
  const value = context.step.input[key];
  return typeof value === 'number' ? value : fallback;
}

/** The instances of one release, also those that ended by themselves: their children may still run. */
export async function allInstancesOf(context: StepContext, release: string): Promise<Instance[]> {
  const all = await context.tools.adapters.target(context.plan).observe(context.effect);
  return all.filter((instance) => instance.release === release);
}

/** The running instances of one release. */
export async function instancesOf(context: StepContext, release: string): Promise<Instance[]> {
  return (await allInstancesOf(context, release)).filter((instance) => instance.state !== 'exited');
}
