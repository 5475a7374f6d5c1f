import type { LockWait } from '../../adapters/stores/store.ts';
import { applicationNameOf } from '../../core/release/lock-manners.ts';
import { isProblem, problem } from '../../core/release/problem.ts';
import type { StepContext } from './step.ts';

/**
 * Runs the act and says who holds what it waits for: while it waits, and in the failure. Where the stores cannot be asked nothing is
 * said: the act is what counts.
 */
export async function nameHolders<Result>(
  context: StepContext,
  direction: 'up' | 'down',
  act: () => Promise<Result>,
): Promise<Result> {
  const { effect, plan, tools } = context;
  const ending = new AbortController();
  let last: LockWait | null = null;
  const watched = { ...effect, signal: AbortSignal.any([effect.signal, ending.signal]) };
  const found = (wait: LockWait): void => {
    last = wait;
    effect.report(`migrate ${direction}: ${sentenceOf(wait)}`);
  };
  const watches = plan.stores.map((store) =>
    tools.adapters.watchWaits(store, { applicationName: applicationNameOf(effect.token), found }, watched),
  );
  const all = Promise.allSettled(watches);
  try {
    return await act();
  } catch (error) {
    if (last === null || !isProblem(error) || error.kind !== 'migration-failed') throw error;
    throw problem(error.kind, `${error.message}\nlast seen: it ${sentenceOf(last)}`, {
      next: error.next,
      ...(error.where === null ? {} : { where: error.where }),
      retry: error.retry,
      cause: error,
    });
  } finally {
    ending.abort();
    await all;
  }
}

function sentenceOf({ on, mode, holder }: LockWait): string {
  return `waits for ${mode} on ${on}, held by ${holder}`;
}
