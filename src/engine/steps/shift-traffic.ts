import type { Router, RouterState, Slot } from '../../adapters/routers/router.ts';
import { problem } from '../../core/release/problem.ts';
import type { Instance } from '../../core/release/version.ts';
import type { Step, StepContext } from './step.ts';
import { instancesOf, wantOf } from './step-want.ts';

const PROBES = 5; // both workers of the router answer within five fresh connections, nearly always

/** Sends all new requests to this release's instance and asks through the public port who answers now. */
export const shiftTrafficStep: Step = {
  kind: 'shift-traffic',
  // The whole desired state is put again under the generation that was written down; the same one twice is a no-op.
  observe: async () => ({ state: 'half' }),
  async act(context) {
    const slots = await slotsFor(wantOf(context).release, context);
    if (slots.length === 0) {
      throw problem('router-failed', 'the instance that should get the traffic is gone', {
        where: context.step.id,
        next: `Look at its last lines: shipway show ${context.releaseId}`,
      });
    }
    return putTraffic(slots, context);
  },
};

/** The slots of a release: its running instances of the routed component, with equal weights that add up to 100. */
export async function slotsFor(release: string, context: StepContext): Promise<Slot[]> {
  const routed = context.tools.adapters.routedComponent(context.plan);
  const instances = (await instancesOf(context, release)).filter(
    (instance) => instance.component === routed && instance.address !== null,
  );
  return instances.map((instance, index) => slotOf(instance, index, instances.length));
}

function slotOf(instance: Instance, index: number, count: number): Slot {
  const weight = Math.floor(100 / count) + (index === 0 ? 100 % count : 0);
  const { host, port } = instance.address ?? { host: '', port: 0 };
  return { id: instance.id, release: instance.release, version: instance.version, host, port, weight };
}

/** Writes the desired state down, puts it, and believes only what answers through the public port. */
export async function putTraffic(
  slots: Slot[],
  context: StepContext,
): Promise<{ generation: number; answers: string[] }> {
  const router = routerOf(context);
  // To send requests nowhere, a router that does not run need not be started.
  if (slots.length === 0 && (await router.observe(context.effect)) === null) return { generation: 0, answers: [] };
  await router.ensureRunning(context.effect);
  const state = await nextState(router, slots, context);
  await context.tools.memory.planRouterState(context.releaseId, state);
  await router.put(state, context.effect);
  if (slots.length === 0) return { generation: state.generation, answers: [] };
  const answers = await router.probe(PROBES, context.effect);
  const stranger = answers.find((id) => !slots.some((slot) => slot.id === id));
  if (stranger !== undefined || answers.length === 0) {
    throw problem(
      'router-failed',
      `the public port is answered by ${stranger ?? 'nobody'} instead of ${slots.map((slot) => slot.id).join(', ')}`,
      {
        where: context.step.id,
        next: 'Look at the router: shipway doctor',
      },
    );
  }
  return { generation: state.generation, answers: [...new Set(answers)] };
}

/** Reuses the generation written down by an interrupted attempt of the same change; otherwise one above everything seen. */
async function nextState(router: Router, slots: Slot[], context: StepContext): Promise<RouterState> {
  const { service, environment } = context.plan;
  const planned = await context.tools.memory.routerState(service, environment);
  if (planned !== null && JSON.stringify(planned.slots) === JSON.stringify(slots)) return planned;
  const observed = await router.observe(context.effect);
  return { generation: Math.max(planned?.generation ?? 0, observed?.generation ?? 0) + 1, slots };
}

/** The router of the plan; planning adds traffic steps only where there is one. */
export function routerOf(context: StepContext): Router {
  const router = context.tools.adapters.router(context.plan);
  if (router !== null) return router;
  throw problem('internal', `step ${context.step.id} needs a router and the plan has none`, {
    next: 'Declare router: in the release file.',
  });
}
