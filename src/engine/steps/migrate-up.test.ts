import { describe, expect, test } from 'vitest';
import type { SqlPreview, Unseen } from '../../adapters/migrators/migrator.ts';
import { sqlDigest } from '../../core/plan/pending-migration.ts';
import { migrateUpStep } from './migrate-up.ts';
import type { StepContext } from './step.ts';

interface World {
  revision: string | null;
  preview: SqlPreview | Unseen;
}

const sees = (sql: string): SqlPreview => ({ sql, dialect: null, ownTables: [] });

function bench(world: World, input: { judgedSql: string | null; revisionBefore: string | null }, attempt = 1) {
  let ups = 0;
  const migrator = {
    revision: async () => world.revision,
    preview: async () => world.preview,
    up: async () => {
      ups++;
      world.revision = '9';
    },
  };
  const context = {
    step: { id: 'migrate.up', input: { migrate: {}, ...input } },
    plan: { version: { number: '1.1.0' }, environment: 'production', stores: [] },
    effect: { token: `r-1/migrate.up/${attempt}`, signal: new AbortController().signal },
    tools: { adapters: { migrator: () => migrator } },
  } as unknown as StepContext;
  return { act: () => migrateUpStep.act(context), ups: () => ups };
}

const JUDGED = { judgedSql: sqlDigest('ALTER'), revisionBefore: '7' };

describe('what was there', () => {
  const noting = (attempt: number): { act(): Promise<unknown>; done: string[] } => {
    const done: string[] = [];
    const context = {
      releaseId: 'r-1',
      step: { id: 'migrate.up', input: { migrate: {}, judgedSql: null, revisionBefore: '7' } },
      plan: { version: { number: '1.1.0' }, stores: [{ name: 'orders' }] },
      effect: { token: `r-1/migrate.up/${attempt}`, signal: new AbortController().signal },
      tools: {
        adapters: {
          migrator: () => ({ revision: async () => '7', up: async () => done.push('up') }),
          counting: () => ({ shape: async () => ({ orders: ['id'] }) }),
          watchWaits: async () => undefined,
        },
        memory: {
          noteShapes: async (...note: unknown[]) => done.push(JSON.stringify(note)),
        },
      },
    } as unknown as StepContext;
    return { act: () => migrateUpStep.act(context), done };
  };

  test('is written down before the way up is gone, and by the first attempt alone', async () => {
    const first = noting(1);
    await first.act();
    expect(first.done).toEqual(['["r-1","migrate.up",{"orders":{"orders":["id"]}}]', 'up']);
    const second = noting(2);
    await second.act();
    expect(second.done).toEqual(['up']);
  });
});

describe('what was judged is what runs', () => {
  test('the same SQL runs, and the revision before and after is the result', async () => {
    const { act, ups } = bench({ revision: '7', preview: sees('ALTER') }, JUDGED);
    expect(await act()).toEqual({ before: '7', after: '9' });
    expect(ups()).toBe(1);
  });

  test('another SQL stops the step before anything runs', async () => {
    const { act, ups } = bench({ revision: '7', preview: sees('DROP') }, JUDGED);
    await expect(act()).rejects.toMatchObject({
      kind: 'migration-failed',
      message:
        'what migrate up of 1.1.0 would run now is not the SQL that was judged when the plan was made; nothing of it was run',
      where: 'migrate.up',
      next: 'Find out what changed (the migration files, or the data), then plan again: shipway plan 1.1.0 --env production',
    });
    expect(ups()).toBe(0);
  });

  test('data that moved on since the plan was made is said', async () => {
    const { act, ups } = bench({ revision: '8', preview: sees('REST') }, JUDGED);
    await expect(act()).rejects.toMatchObject({
      message: expect.stringContaining('; the data was at 7 then and is at 8 now; nothing of it was run'),
    });
    expect(ups()).toBe(0);
  });

  test('SQL that cannot be seen any more is not taken for the judged one', async () => {
    const { act, ups } = bench({ revision: '7', preview: { unseen: 'the tool is gone' } }, JUDGED);
    await expect(act()).rejects.toMatchObject({
      message:
        'what migrate up of 1.1.0 would run now cannot be seen any more: the tool is gone; nothing of it was run',
    });
    expect(ups()).toBe(0);
  });

  test('a run of ours that was cut short half way is finished', async () => {
    const { act, ups } = bench({ revision: '8', preview: sees('REST') }, JUDGED, 2);
    expect(await act()).toEqual({ before: '8', after: '9' });
    expect(ups()).toBe(1);
  });

  test('a run of ours that was cut short before it changed anything is compared again', async () => {
    const { act, ups } = bench({ revision: '7', preview: sees('DROP') }, JUDGED, 2);
    await expect(act()).rejects.toMatchObject({ kind: 'migration-failed' });
    expect(ups()).toBe(0);
  });

  test('where nothing was judged, nothing is compared', async () => {
    const { act, ups } = bench({ revision: '8', preview: sees('X') }, { judgedSql: null, revisionBefore: '7' });
    await act();
    expect(ups()).toBe(1);
  });
});
