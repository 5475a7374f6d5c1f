import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** Default 15 s: several times what anything here needs on a busy machine with two cores. */
  limitSeconds?: number;
  /** Default 20 ms. */
  everyMs?: number;
}

/**
 * Asks until the answer is neither null, undefined nor false, and returns it. Fails after the limit, saying what it waited for and
 * why the last try did not count; a thrown error counts as "not yet".
 */
export async function waitUntil<T>(
  what: string,
  ask: () => T | Promise<T>,
  { limitSeconds = 15, everyMs = 20 }: WaitOptions = {},
): Promise<Exclude<T, null | undefined | false>> {
  const endsAt = performance.now() + limitSeconds * 1000;
  let last = 'it was never asked';
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== null && answer !== undefined && answer !== false) {
        return answer as Exclude<T, null | undefined | false>;
      }
      last = `the last answer was ${String(answer)}`;
    } catch (error) {
      last = `the last try failed: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() >= endsAt) throw new Error(`waited ${limitSeconds} s for: ${what} (${last})`);
    await delay(everyMs);
  }
}
