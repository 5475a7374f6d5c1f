import type { Plan, PlannedStep, StepKindName } from '../../core/plan/plan.ts';
import type { JsonObject } from '../../core/release/json.ts';
import type { Effect } from '../../platform/effect.ts';
import type { StepTools } from './step-tools.ts';

/** What a step is given: the plan it belongs to, the means to act, and nothing else. */
export interface StepContext {
  releaseId: string;
  plan: Plan;
  planDigest: string;
  step: PlannedStep;
  /** When the step was begun for the first time, RFC 3339; the same for every attempt. */
  begunAt: string;
  effect: Effect;
  tools: StepTools;
}

/**
 * What the world says about an interrupted step. `half` means: acting again repairs it. `cannot-tell` means: acting again might do it
 * twice and no probe knows, so a person decides.
 */
export type Observation =
  | { state: 'done'; result: JsonObject }
  | { state: 'not-begun' }
  | { state: 'half' }
  | { state: 'cannot-tell'; why: string };

/**
 * One kind of step; its file has the name of the kind. `act` does one thing and returns what a person wants to know about it.
 * `observe` is asked before acting again after a crash: it looks at the world and changes nothing.
 */
export interface Step {
  kind: StepKindName;
  act(context: StepContext): Promise<JsonObject>;
  observe(context: StepContext): Promise<Observation>;
}

/** For steps that only measure: doing them again is harmless. */
export async function observeNothing(): Promise<Observation> {
  return { state: 'not-begun' };
}
