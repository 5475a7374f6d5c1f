import { expect, test } from 'vitest';
import { problem } from '../../core/release/problem.ts';
import type { DataPart, DataShape } from '../../core/rehearsal/data-shape.ts';
import type { JsonObject } from '../../core/release/json.ts';
import { migrateDownStep } from './migrate-down.ts';
import type { StepContext } from './step.ts';

const NOTE = { store: 'orders', table: 'orders', column: 'note' };
const SMALL: DataShape = { orders: ['id', 'body'] };
const LARGE: DataShape = { orders: ['id', 'body', 'note'], tags: ['name'] };
const TAGS = { store: 'orders', table: 'tags', column: null };

interface World {
  /** What the migration said that it had brought. */
  added?: JsonObject[];
  counts?: Record<string, number>;
  fault?: Error;
  after?: DataShape;
  input?: JsonObject;
  /** Where the schema is by the tool, at first. */
  revision?: string;
  /** What the way up had found. */
  noted?: DataShape;
  now?: DataShape;
}

/** A release on its way back: 8 -> 7. */
function bench(world: World) {
  let revision = world.revision ?? '8';
  const done: string[] = [];
  const lines: string[] = [];
  const counting = {
    shape: async () => world.now ?? (revision === '8' ? LARGE : (world.after ?? SMALL)),
    count: async (parts: DataPart[]) => {
      if (world.fault !== undefined) throw world.fault;
      return parts.map((part) => ({ ...part, count: world.counts?.[part.column ?? part.table] ?? 0 }));
    },
  };
  const migrator = {
    revision: async () => revision,
    down: async () => {
      done.push('down');
      revision = '7';
    },
  };
  const context = {
    releaseId: 'r-1',
    step: { id: 'undo.migrate.up', input: { migrate: {}, revisionBefore: '7', undoes: 'migrate.up', ...world.input } },
    plan: { kind: 'rollback', version: { number: '1.0.0' }, phases: [], previous: null, stores: [{ name: 'orders' }] },
    effect: {
      token: 'r-1/undo.migrate.up/1',
      signal: new AbortController().signal,
      report: (line: string) => lines.push(line),
    },
    tools: {
      adapters: { migrator: () => migrator, counting: () => counting, watchWaits: async () => undefined },
      memory: {
        resultOf: async (_release: string, step: string) =>
          step === 'migrate.up' && world.added !== undefined ? { added: world.added } : null,
        notedShapes: async () => (world.noted === undefined ? null : { orders: world.noted }),
        tellLoss: async (_release: string, _step: string, loss: JsonObject) => done.push(JSON.stringify(loss)),
      },
    },
  } as unknown as StepContext;
  return { act: () => migrateDownStep.act(context), observe: () => migrateDownStep.observe(context), done, lines };
}

test('what only the newer schema holds is counted and in the journal before it is thrown away', async () => {
  const { act, done, lines } = bench({ added: [NOTE, TAGS], counts: { note: 12, tags: 1 } });
  const loss = {
    parts: [
      { ...NOTE, count: 12 },
      { ...TAGS, count: 1 },
    ],
    uncounted: null,
  };
  expect(await act()).toEqual({ revision: '7', lost: loss });
  expect(done).toEqual([expect.stringContaining('"count":12'), 'down']);
  expect(JSON.parse(done[0] ?? '')).toEqual(loss);
  expect(lines).toEqual([
    'the way down throws away orders column orders.note: 12 values',
    'the way down throws away orders table tags: 1 row',
  ]);
});

test('by hand the plan names what is counted', async () => {
  const { act, lines } = bench({ input: { undoes: 'data.up', added: [NOTE, TAGS] }, counts: { note: 3 } });
  expect(await act()).toMatchObject({ lost: { parts: [{ ...NOTE, count: 3 }] } });
  expect(lines).toEqual(['the way down throws away orders column orders.note: 3 values']);
});

test('nothing is said where everything that goes is empty', async () => {
  const { act, lines } = bench({ added: [NOTE, TAGS] });
  expect(await act()).toEqual({ revision: '7', lost: { parts: [], uncounted: null } });
  expect(lines).toEqual([]);
});

test('what went although the way up had not brought it is named', async () => {
  const { act, lines } = bench({ added: [NOTE, TAGS], after: { orders: ['id'] } });
  const uncounted = 'column orders.body went too, which the way up had not brought';
  expect(await act()).toMatchObject({ lost: { parts: [], uncounted } });
  expect(lines).toEqual([uncounted]);
});

test.each([
  [{}, 'what the migration had added was not written down'],
  [{ added: [NOTE], fault: problem('unreachable', 'no answer', { next: 'look' }) }, 'no answer'],
])('a way down is gone also where nothing can be counted, and that is said: %#', async (world, why) => {
  const { act, done, lines } = bench(world);
  expect(await act()).toEqual({ revision: '7', lost: { parts: [], uncounted: why } });
  expect(done).toEqual([JSON.stringify({ parts: [], uncounted: why }), 'down']);
  expect(lines).toEqual([`what the way down throws away is not counted: ${why}`]);
});

test('a way up that left half of itself without a new revision is not taken for undone, also after a crash', async () => {
  const now = { orders: ['id', 'note'], tags: ['name'] };
  const { act, observe, done } = bench({ revision: '7', noted: SMALL, now });
  await expect(act()).rejects.toMatchObject({
    kind: 'migration-failed',
    message: expect.stringContaining(
      'the revision is 7 as before, but orders column orders.note is there, orders table tags is there, orders column orders.body is gone',
    ),
    next: expect.stringContaining('shipway resume r-1'),
  });
  expect(await observe()).toEqual({ state: 'half' });
  expect(done).toEqual([]);
});

test.each([
  ['that changed nothing', { noted: SMALL, now: SMALL }],
  ['of which nothing was written down', { now: LARGE }],
  ['that came to its end, and whose way down left a table', { added: [NOTE], noted: SMALL, now: LARGE }],
])('a way up %s needs no way down where the revision is the one before', async (_what, world) => {
  const { act, observe, done } = bench({ revision: '7', ...world });
  expect(await act()).toEqual({ revision: '7' });
  expect(await observe()).toEqual({ state: 'done', result: { revision: '7' } });
  expect(done).toEqual([]);
});
