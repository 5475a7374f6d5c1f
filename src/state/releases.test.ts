import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/test-database.ts';
import { readJournal } from './journal.ts';
import { createRelease, getRelease, moveRelease, requestOfRelease, startNextRun } from './releases.ts';

const EXECUTOR = { kind: 'executor' as const, id: 'e1' };
const CAUSE = { kind: 'cannot-tell', message: 'nobody knows', where: null, next: 'look' };
let memory: TestDatabase;
let database: TestDatabase['database'];

beforeAll(async () => {
  memory = await createTestDatabase();
  ({ database } = memory);
});

afterAll(() => memory.remove());

async function running(service: string): Promise<string> {
  const id = await createRelease(database.db, {
    project: 'here',
    service,
    environment: 'production',
    kind: 'release',
    releaseType: 'regular',
    version: '1.1.0',
    previousVersion: null,
    plan: '{}',
    planDigest: 'sha256:0',
    requestedBy: 'ana',
    reason: null,
    speed: 1,
    steps: [{ id: 'migrate.up', phase: 'migrate', kind: 'migrate-up', title: 'migrate' }],
  });
  await move(id, 'running');
  return id;
}

const move = (id: string, to: Parameters<typeof moveRelease>[2]['to'], more = {}): Promise<void> =>
  moveRelease(database.db, id, { to, actor: EXECUTOR, ...more });

const ask = async (id: string, word: Parameters<typeof requestOfRelease>[2]['word'], person: string) =>
  requestOfRelease(database.db, await getRelease(database.db, id), { word, person, reason: null });

const requestsInJournal = async (id: string): Promise<unknown[]> =>
  (await readJournal(database.db, { release: id, limit: 100 }))
    .filter((entry) => entry.type === 'request.made')
    .map((entry) => [entry.actor.id, entry.data['request']]);

describe('the cause of a release', () => {
  test('is gone when it ends stable after a person let it go on', async () => {
    const id = await running('stable');
    await move(id, 'needs-human', { cause: CAUSE });
    await move(id, 'running');
    expect((await getRelease(database.db, id)).cause).toContain('nobody knows');
    await move(id, 'stable');
    expect((await getRelease(database.db, id)).cause).toBeNull();
  });

  test('stays when it ends rolled back: it says why', async () => {
    const id = await running('back');
    await move(id, 'rolling-back', { cause: CAUSE });
    await move(id, 'rolled-back');
    expect((await getRelease(database.db, id)).cause).toContain('nobody knows');
  });
});

describe('what a person asks of a release', () => {
  test('a pause does not take back that somebody asked to abort it', async () => {
    const id = await running('asked');
    expect(await ask(id, 'abort', 'bo')).toBe(true);
    expect(await ask(id, 'pause', 'shipway')).toBe(false);
    expect(await getRelease(database.db, id)).toMatchObject({ request: 'abort', request_by: 'bo' });
    expect(await requestsInJournal(id)).toEqual([['bo', 'abort']]);
  });

  test('a second abort leaves name and reason of the first', async () => {
    const id = await running('twice');
    expect(await ask(id, 'abort', 'bo')).toBe(true);
    expect(await ask(id, 'abort', 'cy')).toBe(false);
    expect(await getRelease(database.db, id)).toMatchObject({ request: 'abort', request_by: 'bo' });
    expect(await requestsInJournal(id)).toEqual([['bo', 'abort']]);
  });

  test('is not journalled when the release was over already', async () => {
    const id = await running('over');
    await move(id, 'stable');
    expect(await ask(id, 'abort', 'bo')).toBe(false);
    expect(await requestsInJournal(id)).toEqual([]);
  });

  test('is answered when the release stops for a person: going on does not stop it again at once', async () => {
    const id = await running('answered');
    await ask(id, 'abort', 'bo');
    await move(id, 'needs-human', { cause: CAUSE });
    expect((await getRelease(database.db, id)).request).toBeNull();
  });
});

test('two people who resume at once begin one new run', async () => {
  const id = await running('resumed');
  await move(id, 'needs-human', { cause: CAUSE });
  const resume = () =>
    database.db.transaction().execute(async (tx) => {
      await startNextRun(tx, id);
      await tx.updateTable('shipway.release').set({ state: 'running' }).where('id', '=', id).execute();
    });
  await Promise.all([resume(), resume()]);
  expect((await getRelease(database.db, id)).run).toBe(2);
});
