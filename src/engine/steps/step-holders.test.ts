import { describe, expect, test } from 'vitest';
import type { LockWait } from '../../adapters/stores/store.ts';
import { createEffect } from '../../../test/support/create-effect.ts';
import { problem } from '../../core/release/problem.ts';
import { nameHolders } from './step-holders.ts';
import type { StepContext } from './step.ts';

const WAIT: LockWait = { on: 'public.orders', mode: 'AccessExclusiveLock', holder: 'process 7 (idler)' };
const SENTENCE = 'waits for AccessExclusiveLock on public.orders, held by process 7 (idler)';

/** A step with one store, which tells these waits and then watches until it is ended. */
function bench(waits: LockWait[], fault?: Error) {
  const effect = createEffect('/', { token: 'r-1/migrate.up/1' });
  const asked: string[] = [];
  let ended = 0;
  const watchWaits = async (
    _store: unknown,
    want: { applicationName: string; found: (wait: LockWait) => void },
    { signal }: { signal: AbortSignal },
  ): Promise<void> => {
    asked.push(want.applicationName);
    for (const wait of waits) want.found(wait);
    if (fault !== undefined) throw fault;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    ended++;
  };
  const context = {
    effect,
    plan: { stores: [{ name: 'database', kind: 'postgres', settings: {} }] },
    tools: { adapters: { watchWaits } },
  } as unknown as StepContext;
  return { context, effect, asked, ended: () => ended };
}

const failed = (kind: 'migration-failed' | 'stopped') =>
  problem(kind, 'no lock', { where: 'migrate.up', next: 'wait', retry: true });

describe('who holds what a migration waits for', () => {
  test('is said while it waits and in the failure, and the watch is ended', async () => {
    const { context, effect, asked, ended } = bench([WAIT]);
    const fault = failed('migration-failed');
    await expect(nameHolders(context, 'up', () => Promise.reject(fault))).rejects.toMatchObject({
      message: `no lock\nlast seen: it ${SENTENCE}`,
      where: 'migrate.up',
      next: 'wait',
      retry: true,
      cause: fault,
    });
    expect(effect.lines).toEqual([`migrate up: ${SENTENCE}`]);
    expect(asked).toEqual(['shipway/r-1/migrate.up/1']);
    expect(ended()).toBe(1);
  });

  test('without a wait the failure is as it was, and so is one of another kind', async () => {
    const fault = failed('migration-failed');
    await expect(nameHolders(bench([]).context, 'down', () => Promise.reject(fault))).rejects.toBe(fault);
    const stopped = failed('stopped');
    await expect(nameHolders(bench([WAIT]).context, 'up', () => Promise.reject(stopped))).rejects.toBe(stopped);
  });

  test('on the way down it is said of the way down', async () => {
    const { context, effect } = bench([WAIT]);
    await nameHolders(context, 'down', async () => 'done');
    expect(effect.lines).toEqual([`migrate down: ${SENTENCE}`]);
  });

  test('a store that cannot be asked changes nothing', async () => {
    const { context } = bench([], new Error('no connection'));
    expect(await nameHolders(context, 'down', async () => 'done')).toBe('done');
  });
});
