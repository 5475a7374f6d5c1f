import type { PlanView } from '../../app/plan-release.ts';
import { renderPlan } from '../../core/plan/render-plan.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';

/** The plan, the warnings of the release file, and what stands in the way of starting it. */
export function planLines(style: Style, view: PlanView): string[] {
  const { plan, digest, refusal, rehearsal, fileWarnings } = view;
  return [
    ...renderPlan(plan, digest),
    ...(rehearsal === null ? [] : [`migration: ${standingText(style, rehearsal)}`]),
    ...fileWarnings.map((warning) => `warning: ${warning}`),
    ...(refusal === null ? [] : [style.attention(`refused now: ${refusal.message}`), `  next: ${refusal.next}`]),
  ];
}

/** Not a part of the plan: it changes with time, and the digest must not. */
function standingText(style: Style, { state, sentence, required }: NonNullable<PlanView['rehearsal']>): string {
  if (state === 'rehearsed') return style.good(printable(sentence));
  return `${style.attention(printable(sentence))}${required ? '' : ' (not required here)'}`;
}
