import type { Json } from '../../core/release/json.ts';
import type { Instance } from '../../core/release/version.ts';
import { noteEnvironment } from './step-environment.ts';
import type { Observation, Step } from './step.ts';
import { wantOf } from './step-want.ts';

/** Brings the wanted version up: beside the old one where the target can, in place where it cannot. */
export const applyVersionStep: Step = {
  kind: 'apply-version',
  async observe(context): Promise<Observation> {
    const target = context.tools.adapters.target(context.plan);
    // Side by side, an instance is found again by its id, so applying twice starts nothing twice.
    if (target.placement === 'side-by-side') return { state: 'half' };
    const want = wantOf(context);
    const runs = await target.observe(context.effect);
    if (runs.some((instance) => instance.version === want.version))
      return { state: 'done', result: { instances: summaries(runs) } };
    if (target.repeatable) return { state: 'half' };
    // The version before still answering proves nothing: a deploy may have died half way through what it changes.
    return { state: 'cannot-tell', why: 'the deploy command is declared as not repeatable, and was cut short' };
  },
  async act(context) {
    // The file may have been changed since the release began; what counts is with which one the version is started.
    if (context.plan.envFile !== null) await noteEnvironment(context.plan, context.releaseId, context.effect);
    const instances = await context.tools.adapters.target(context.plan).apply(wantOf(context), context.effect);
    return { instances: summaries(instances) };
  },
};

/** What the record keeps of an instance. */
export function summaries(instances: Instance[]): Json {
  return instances.map(({ id, component, version, address, pid }) => ({
    id,
    component,
    version,
    address: address === null ? null : `${address.host}:${address.port}`,
    pid,
  }));
}
