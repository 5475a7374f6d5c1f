import { effectToCleanUp, type Effect } from '../../platform/effect.ts';
import type { SwapRecord } from '../stores/store.ts';
import type { NamedOpenStore } from './create-backup.ts';
import { storeOf, type StagedStore } from './restore-backup.ts';

/** One store that was swapped in. */
export interface SwappedStore {
  name: string;
  record: SwapRecord;
}

export type SwapEnd =
  | { state: 'swapped'; swapped: SwappedStore[] }
  /** The first error, of `store`. Those before it have their own data again, but for `notPutBack`. */
  | { state: 'failed'; error: unknown; store: string; putBack: SwappedStore[]; notPutBack: string[] };

/** What the swap of these copies will return: known before it is begun. */
export function recordsOf(staged: readonly StagedStore[], stores: NamedOpenStore[], effect: Effect): SwappedStore[] {
  return staged.map(({ name, staged: place }) => ({ name, record: storeOf(name, stores).recordOf(place, effect) }));
}

/**
 * Puts all staged stores in place, one after another, or none: when one fails, those before it are put back. The service must be stopped.
 * Again after a crash: finishes. Told to stop, it throws and leaves everything as it is: somebody else may be at work on it already.
 */
export async function swapRestore(
  staged: readonly StagedStore[],
  stores: NamedOpenStore[],
  effect: Effect,
): Promise<SwapEnd> {
  const swapped: SwappedStore[] = [];
  for (const one of staged) {
    const { name, staged: place } = one;
    try {
      effect.signal.throwIfAborted();
      swapped.push({ name, record: await storeOf(name, stores).swap(place, effect) });
    } catch (error) {
      if (effect.signal.aborted) throw error;
      // It may have come half way itself.
      const begun = [...swapped, ...recordsOf([one], stores, effect)];
      const notPutBack = await putBack(begun, stores, effect);
      const isBack = ({ name: of }: SwappedStore): boolean => !notPutBack.some((left) => left.name === of);
      const left = notPutBack.map((each) => `${each.name}: ${each.why}`);
      return { state: 'failed', error, store: name, putBack: swapped.filter(isBack), notPutBack: left };
    }
  }
  return { state: 'swapped', swapped };
}

/** In reverse order; tries every store. */
async function putBack(
  swapped: readonly SwappedStore[],
  stores: NamedOpenStore[],
  effect: Effect,
): Promise<{ name: string; why: string }[]> {
  const failed: { name: string; why: string }[] = [];
  for (const { name, record } of swapped.toReversed()) {
    await storeOf(name, stores)
      .swapBack(record, effect)
      .catch((error: unknown) => failed.push({ name, why: error instanceof Error ? error.message : String(error) }));
  }
  return failed;
}

/** Deletes copies that are not used: those that were never swapped in, and those that were put back. Tries every store; says what stays. */
export async function discardStaged(
  staged: readonly StagedStore[],
  putBack: readonly SwappedStore[],
  stores: NamedOpenStore[],
  effect: Effect,
): Promise<void> {
  const cleaning = effectToCleanUp(effect);
  for (const { name, staged: place } of staged) {
    const store = storeOf(name, stores);
    const back = putBack.find((one) => one.name === name);
    // What was swapped and is back counts as used to `unstage`.
    await (back === undefined ? store.unstage(place, cleaning) : store.discard(back.record, cleaning)).catch(
      (error: Error) => effect.report(`${name}: the copy that is not used is still there: ${error.message}`),
    );
  }
}
