import type { PlanView } from '../../app/plan-release.ts';
import { renderPlan } from '../../core/plan/render-plan.ts';
import type { Style } from './style.ts';

/** The plan, the warnings of the release file, and what stands in the way of starting it. */
export function planLines(style: Style, view: PlanView): string[] {
  const { plan, digest, refusal, fileWarnings } = view;
  return [
    ...renderPlan(plan, digest),
    ...fileWarnings.map((warning) => `warning: ${warning}`),
    ...(refusal === null ? [] : [style.attention(`refused now: ${refusal.message}`), `  next: ${refusal.next}`]),
  ];
}
