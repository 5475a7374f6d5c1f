import type { ReleaseView } from '../../app/release-view.ts';
import { formatDuration } from '../../core/plan/format-duration.ts';
import { stepsOf, type Plan } from '../../core/plan/plan.ts';
import { printable } from './printable.ts';

/** The two lines above every release: what goes where, who began it, what the plan comes to. */
export function releaseHead(release: ReleaseView, plan: Plan): string[] {
  const { id, requestedBy, reason, service, environment } = release;
  const why = reason === null ? '' : `: ${printable(reason)}`;
  const live = `live now: ${plan.previous === null ? 'nothing' : plan.previous.version}`;
  const what =
    release.kind === 'rollback'
      ? `${service} back to ${release.version} in ${environment}`
      : `${service} ${release.version} -> ${environment}`;
  return [`${what}   ${id}   started by ${printable(requestedBy)}${why}   ${live}`, planSummary(release, plan)];
}

function planSummary(release: ReleaseView, plan: Plan): string {
  const steps = stepsOf(plan);
  const gates = steps.filter(({ phase }) => phase === 'prepare' || phase === 'gate').length;
  const watch = steps.find(({ step }) => step.kind === 'watch-version')?.step.limitSeconds ?? 0;
  const parts = [
    count(steps.length, 'step'),
    ...(gates === 0 ? [] : [count(gates, 'gate')]),
    ...(watch === 0 ? [] : [`watch ${formatDuration(watch)}`]),
    ...(plan.kind === 'rollback' ? [] : [`automatic rollback ${plan.automaticRollback.armed ? 'armed' : 'DISARMED'}`]),
    `digest ${release.planDigest.replace(/^sha256:/, '').slice(0, 12)}`,
  ];
  return `plan: ${parts.join(', ')}`;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
