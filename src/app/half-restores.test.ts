import { expect, test } from 'vitest';
import type { ReplacedData, Store } from '../adapters/stores/store.ts';
import { problem } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';
import { halfRestores, ownHalfRestores, stagedToFinish } from './half-restores.ts';
import type { OpenBackups } from './open-backups.ts';

const ID = 'bk_20261121T024843Z_abc';

function opened(stores: Record<string, (effect: Effect) => Promise<Partial<ReplacedData>[]>>): OpenBackups {
  const named = Object.entries(stores).map(([name, replaced]) => ({ name, store: { replaced } as unknown as Store }));
  return { plan: {}, effect: {}, stores: () => named } as unknown as OpenBackups;
}

const half = (tag: string): Partial<ReplacedData> => ({
  state: 'half',
  tag,
  staged: { place: `/d/main.restore-${tag}` },
});

test('a restore finds its own half swaps, also of a second restore of the same backup, and those of no other', async () => {
  const there = opened({
    orders: async () => Promise.resolve([{ ...half(ID), state: 'replaced' }, half(`${ID}-2`)]),
    sessions: async () => Promise.resolve([half('bk_20261120T024843Z_abc')]),
    uploads: async () => Promise.resolve([half(ID)]),
  });
  const found = await ownHalfRestores(there, { backup: { id: ID }, stores: ['orders', 'sessions'] });
  expect(found).toEqual([{ store: 'orders', backup: ID, staged: { place: `/d/main.restore-${ID}-2` } }]);
});

test('a store that cannot be asked hides no other', async () => {
  const down = opened({
    a: async () => Promise.reject(problem('unreachable', 'down', { next: 'start it' })),
    b: async () => Promise.resolve([half(ID)]),
  });
  expect((await halfRestores(down)).map(({ store }) => store)).toEqual(['b']);
});

test('a store that hangs hides no other, and is no fault of the program', async () => {
  const hangs = opened({
    a: async (effect) =>
      new Promise((_, reject) =>
        effect.signal.addEventListener('abort', () => reject(effect.signal.reason as Error), { once: true }),
      ),
    b: async () => Promise.resolve([half(ID)]),
  });
  expect((await halfRestores(hangs)).map(({ store }) => store)).toEqual(['b']);
  const asked: string[] = [];
  const two = opened({
    a: async () => Promise.resolve(asked.push('a') > 0 ? [half(ID)] : []),
    b: async () => Promise.resolve(asked.push('b') > 0 ? [half(ID)] : []),
  });
  await ownHalfRestores(two, { backup: { id: ID }, stores: ['b'] });
  expect(asked).toEqual(['b']);
}, 30_000);

test('what finishes a swap says so, because what it put there may have been in use since', () => {
  const found = { store: 'orders', backup: ID, staged: { place: 'o' } };
  const staged = [{ name: 'orders', staged: { place: 'o' } }];
  expect(stagedToFinish([found], ID)).toEqual({ backup: ID, staged, finishes: true });
});
