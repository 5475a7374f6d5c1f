import { problem } from '../../core/release/problem.ts';
import type { ApprovalDecision } from './step-tools.ts';
import { observeNothing, type Step, type StepContext } from './step.ts';

const POLL_MS = 200; // a person's click should show within a blink; one indexed row is read

/**
 * Waits until enough people approved exactly this plan. Approvals of another plan, by people not named, or by the person who
 * started the release (unless that is allowed) count for nothing. One rejection ends it.
 */
export const awaitApprovalStep: Step = {
  kind: 'await-approval',
  observe: observeNothing,
  async act(context) {
    const { memory } = context.tools;
    const requester = await memory.requestedBy(context.releaseId);
    const count = context.step.input['count'] as number;
    const until = context.effect.clock.nowMs() + context.step.limitSeconds * 1000;
    const waiting = {
      kind: 'approval',
      step: context.step.id,
      count,
      from: context.step.input['from'] ?? [],
      requester,
    };
    await memory.waitFor(context.releaseId, waiting);
    for (;;) {
      const decisions = await memory.approvals(context.releaseId);
      const rejected = decisions.find((decision) => decision.decision === 'rejected');
      if (rejected !== undefined) throw rejection(rejected);
      const approvedBy = validApprovers(decisions, requester, context);
      if (approvedBy.length >= count) {
        await memory.stopWaiting(context.releaseId);
        return { approvedBy };
      }
      if (context.effect.clock.nowMs() > until) throw expired(count, approvedBy.length);
      await context.effect.clock.sleep(POLL_MS * context.effect.clock.speed, context.effect.signal);
    }
  },
};

function validApprovers(decisions: ApprovalDecision[], requester: string, context: StepContext): string[] {
  const from = context.step.input['from'] as string[];
  const selfApproval = context.step.input['selfApproval'] === true;
  return decisions
    .filter((decision) => decision.decision === 'approved' && decision.planDigest === context.planDigest)
    .filter((decision) => from.length === 0 || from.includes(decision.person))
    .filter((decision) => selfApproval || decision.person !== requester)
    .map((decision) => decision.person);
}

function rejection(rejected: ApprovalDecision): Error {
  return problem('stopped', `approval rejected by ${rejected.person}: "${rejected.reason ?? 'no reason given'}"`, {
    next: 'Settle it with them, then start the release again.',
  });
}

function expired(count: number, have: number): Error {
  return problem('stopped', `the approval expired with ${have} of ${count}; nobody rejected it`, {
    next: 'Start the release again.',
  });
}
