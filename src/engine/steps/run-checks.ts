import type { CheckResult } from '../../adapters/checks/check.ts';
import type { NamedCheck } from '../../core/config/service-config.ts';
import type { Json, JsonObject } from '../../core/release/json.ts';
import { problem } from '../../core/release/problem.ts';
import { observeNothing, type Step, type StepContext } from './step.ts';

/**
 * Runs the checks of a checklist or of a verification, one after the other, and stops at the first that does not pass.
 * A check that could not be measured is not a failed one: a person decides then.
 */
export const runChecksStep: Step = {
  kind: 'run-checks',
  observe: observeNothing,
  async act(context) {
    // Verification goes through the public address: a router that was killed is ours to bring back before anybody is asked.
    if (isVerification(context)) await context.tools.adapters.router(context.plan)?.ensureRunning(context.effect);
    const results: JsonObject[] = [];
    for (const check of context.step.input['checks'] as unknown as NamedCheck[]) {
      const result = await context.tools.adapters.runCheck(check, subjectOf(context), context.effect);
      results.push({
        name: check.name,
        outcome: result.outcome,
        sentence: result.sentence,
        durationMs: result.durationMs,
      });
      context.effect.report(`${result.outcome}: ${check.name}: ${result.sentence}`);
      if (result.outcome !== 'pass') throw refusal(check, result, context);
    }
    return { checks: results as Json };
  },
};

function isVerification({ step }: StepContext): boolean {
  return /^(undo\.)?verify\./.test(step.id);
}

function subjectOf(context: StepContext): Record<string, string> {
  const { plan, releaseId } = context;
  return {
    VERSION: plan.version.number,
    PREVIOUS_VERSION: plan.previous?.version ?? '',
    COMMIT: plan.version.commit ?? '',
    RELEASE: releaseId,
    SERVICE: plan.service,
    ENVIRONMENT: plan.environment,
  };
}

/** Turns a result that is not a pass into the problem of the step. */
export function refusal(check: NamedCheck, result: CheckResult, context: Pick<StepContext, 'step'>): Error {
  const where = `${context.step.id} "${check.name}"`;
  if (result.outcome === 'fail') {
    return problem('check-failed', `${check.name}: ${result.sentence}`, {
      where,
      next: 'Mend the cause, then release again.',
    });
  }
  return problem('cannot-tell', `${check.name} could not be measured: ${result.sentence}`, {
    where,
    next: 'Make the check reachable and resume, or roll back: shipway resume / shipway rollback.',
  });
}
