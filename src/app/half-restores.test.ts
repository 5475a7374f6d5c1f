import { expect, test } from 'vitest';
import type { ReplacedData, Store } from '../adapters/stores/store.ts';
import { problem } from '../core/release/problem.ts';
import { halfRestores, ownHalfRestores, stagedToFinish } from './half-restores.ts';
import type { OpenBackups } from './open-backups.ts';

const ID = 'bk_20261121T024843Z_abc';

function opened(stores: Record<string, () => Promise<Partial<ReplacedData>[]>>): OpenBackups {
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

test('what was swapped half is swapped before what was staged beside it', () => {
  const staged = { backup: ID, staged: [{ name: 'uploads', staged: { place: 'u' } }] };
  const [found] = [{ store: 'orders', backup: ID, staged: { place: 'o' } }];
  expect(stagedToFinish([found], staged)).toEqual({
    backup: ID,
    staged: [
      { name: 'orders', staged: { place: 'o' } },
      { name: 'uploads', staged: { place: 'u' } },
    ],
  });
});
