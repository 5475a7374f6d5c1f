import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createEffect } from '../../test/support/create-effect.ts';
import { createTemporaryProject, type TemporaryProject } from '../../test/support/temporary-project.ts';
import type { App, Tools } from '../app/app.ts';
import { createBackup, planRestore, restoreBackup, type RestoreWish } from '../app/manage-backups.ts';
import { planExtract } from '../app/extract-backup.ts';
import type { JsonObject } from '../core/release/json.ts';
import type { Instance } from '../core/release/version.ts';
import { effectUntil } from '../platform/effect.ts';
import { journalBackups, replacements, withBackupLock } from '../state/backup-record.ts';
import { readJournal } from '../state/journal.ts';
import { takeLock } from '../state/locks.ts';
import { createRelease, getRelease, moveRelease } from '../state/releases.ts';
import { schemaEvents } from '../state/schema-events.ts';
import { holderOf } from '../state/service-lock.ts';
import { openApp } from './open-app.ts';

const LIMIT_MS = 120_000; // every file is synced, and the disk may be busy
vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

const RELEASE_FILE = (stores: string): string => `service: notes
environments:
  production:
    target: { process: { components: { api: { command: [node, main.mjs] } } } }
stores: { ${stores} }
`;
const BOTH = 'first: { files: { paths: [one] } }, second: { files: { paths: [two] } }';
const PLACE = { service: 'notes', environment: 'production' };
const EXECUTOR = { kind: 'executor' as const, id: 'e1' };

let project: TemporaryProject;
let app: App & { close(): Promise<void> };
let id = '';

const open = (): Promise<App & { close(): Promise<void> }> =>
  openApp({ projectDirectory: project.directory, configPath: null, applicationName: 'test', report: () => undefined });
const write = (word: string): void => {
  for (const folder of ['one', 'two']) project.write(`${folder}/file`, word);
};
const words = (): string[] => ['one', 'two'].map((name) => readFileSync(join(project.directory, name, 'file'), 'utf8'));
const wish = (stores: string[] = []): RestoreWish => ({ environment: null, reference: id, stores });
/** What swaps and copies leave beside the live data. */
const beside = (): string[] => readdirSync(project.directory).filter((name) => /^\.?(one|two)./.test(name));

beforeAll(async () => {
  vi.stubEnv('SHIPWAY_ACTOR', 'ana');
  project = createTemporaryProject({ 'shipway.yaml': RELEASE_FILE(BOTH) });
  app = await open();
  write('old');
  id = (await createBackup(app, null)).id;
});
beforeEach(() => write('new'));
afterAll(async () => {
  await app.close();
  await project.remove();
  vi.unstubAllEnvs();
});

/** The same app, in which something happens when the copies are ready and nothing is swapped yet. */
function meanwhile(act: (staged: JsonObject) => Promise<void> | void, running: () => boolean = () => false): App {
  const observe = async (): Promise<Instance[]> =>
    running() ? [{ version: '2.0.0', state: 'running' } as Instance] : [];
  return {
    ...app,
    async tools(): Promise<Tools> {
      const tools = await app.tools();
      const { adapters, backups } = tools;
      return {
        ...tools,
        adapters: { ...adapters, target: (plan) => ({ ...adapters.target(plan), observe }) },
        backups: {
          ...backups,
          async stage(...order) {
            const staged = await backups.stage(...order);
            await act(staged);
            return staged;
          },
        },
      };
    },
  };
}

async function plannedRelease(): Promise<string> {
  const { db } = await app.database();
  const release = await createRelease(db, {
    project: 'this',
    ...PLACE,
    kind: 'release',
    releaseType: 'regular',
    version: '2.0.0',
    previousVersion: null,
    plan: '{}',
    planDigest: 'sha256:0',
    requestedBy: 'bob',
    reason: null,
    speed: 1,
    steps: [],
  });
  await moveRelease(db, release, { to: 'running', actor: EXECUTOR });
  return release;
}

/** What was told about restores since then. */
async function toldSince(index: number): Promise<{ type: string; data: JsonObject }[]> {
  const entries = await readJournal((await app.database()).db, { limit: 1000 });
  const about = ['backup.restoring', 'backup.restored', 'backup.restore-failed'];
  return entries.filter((entry) => entry.index > index && about.includes(entry.type));
}
const lastIndex = async (): Promise<number> =>
  (await readJournal((await app.database()).db, { limit: 1000 })).at(-1)?.index ?? 0;

test('a release that comes while data is restored by hand is told who holds the lock and why, and gets it afterwards', async () => {
  const { db } = await app.database();
  const release = await getRelease(db, await plannedRelease());
  const refused: string[] = [];
  const busy = meanwhile(async () => {
    await takeLock(db, release, EXECUTOR).catch((error: Error) => refused.push(error.message));
    expect(await holderOf(db, PLACE)).toMatchObject({ release: null, person: 'ana', why: `restore of ${id}` });
  });
  await restoreBackup(busy, await planRestore(busy, wish()), { safetyBackup: false });
  expect(refused).toEqual([
    expect.stringMatching(/^notes production is locked by ana since \d{4}-.*Z: restore of bk_/) as string,
  ]);
  expect(words()).toEqual(['old', 'old']);
  expect(await holderOf(db, PLACE)).toBeNull();
  await takeLock(db, release, EXECUTOR);
  expect(await holderOf(db, PLACE)).toMatchObject({ release: release.id, person: 'bob' });
  await moveRelease(db, release.id, { to: 'cancelled', actor: EXECUTOR });
});

test('a release that took the lock while a person was asked is in time: nothing is restored under it', async () => {
  const { db } = await app.database();
  const wanted = await planRestore(app, wish());
  const release = await getRelease(db, await plannedRelease());
  await takeLock(db, release, EXECUTOR);
  await expect(restoreBackup(app, wanted)).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringContaining(`is locked by ${release.id} of bob`) as string,
  });
  expect(words()).toEqual(['new', 'new']);
  await moveRelease(db, release.id, { to: 'cancelled', actor: EXECUTOR });
});

test('a version that somebody starts while the copies are made stops the restore, and the copies go', async () => {
  const traces = beside();
  let isRunning = false;
  const busy = meanwhile(
    () => void (isRunning = true),
    () => isRunning,
  );
  const wanted = await planRestore(busy, wish());
  await expect(restoreBackup(busy, wanted, { safetyBackup: false })).rejects.toMatchObject({
    kind: 'refused',
    message: '2.0.0 of notes runs in production on the data that would be replaced',
  });
  expect(words()).toEqual(['new', 'new']);
  expect(beside()).toEqual(traces);
});

test('when the second store cannot be swapped, the first is put back, the copies go, and message and journal say so', async () => {
  const traces = beside();
  const index = await lastIndex();
  const broken = meanwhile(({ staged }) => {
    const [, second] = staged as unknown as { staged: { place: string } }[];
    rmSync(second?.staged.place ?? '', { recursive: true });
  });
  const wanted = await planRestore(broken, wish());
  await expect(restoreBackup(broken, wanted, { safetyBackup: false })).rejects.toMatchObject({
    kind: 'restore-failed',
    message: expect.stringMatching(
      /^second could not be put in place: there is no complete restored copy .*; first is again as it was before$/,
    ) as string,
  });
  expect(words()).toEqual(['new', 'new']);
  expect(beside()).toEqual(traces);
  const told = await toldSince(index);
  expect(told.map(({ type }) => type)).toEqual(['backup.restoring', 'backup.restore-failed']);
  expect(told[1]?.data).toMatchObject({
    backup: id,
    notPutBack: [],
    fault: expect.stringContaining('second') as string,
  });
});

test('what will be replaced, and where it is kept, is told before the first store is swapped, and again when all are', async () => {
  const stop = new AbortController();
  const before = await lastIndex();
  const stopped: App = {
    ...meanwhile(() => stop.abort()),
    effect: async (plan, token) => effectUntil(await app.effect(plan, token), stop.signal),
  };
  const wanted = await planRestore(stopped, wish(['first']));
  await expect(restoreBackup(stopped, wanted, { safetyBackup: false })).rejects.toThrow('aborted');
  expect(words()).toEqual(['new', 'new']);
  expect((await toldSince(before)).map(({ type }) => type)).toEqual(['backup.restoring']);
  const index = await lastIndex();
  await restoreBackup(app, wanted, { safetyBackup: false });
  expect(words()).toEqual(['old', 'new']);
  const [intent, done] = await toldSince(index);
  expect([intent?.type, done?.type]).toEqual(['backup.restoring', 'backup.restored']);
  expect(intent?.data).toEqual(done?.data);
  expect(intent?.data).toMatchObject({ backup: id, stores: [{ name: 'first', kind: 'files' }] });
  const [kept = ''] = (intent?.data['kept'] ?? []) as string[];
  expect(readFileSync(join(kept, 'file'), 'utf8')).toBe('new');
  // Uploads take no schema with them.
  expect(await schemaEvents((await app.database()).db, PLACE)).toEqual([]);
});

test('a backup with stores that the release file has no more is refused with their names, unless stores are named', async () => {
  const others = 'other: { files: { paths: [two] } }';
  await withStores(`first: { files: { paths: [one] } }, ${others}`, async (partial) => {
    const refusal = {
      kind: 'refused',
      message: 'the release file has no store second any more, which the backup holds',
      next: 'Restore the others alone: --store first. Or give what is missing its name of then in the release file.',
    };
    await expect(planRestore(partial, wish())).rejects.toMatchObject(refusal);
    await expect(planExtract(partial, wish(), './look')).rejects.toMatchObject(refusal);
    expect((await planRestore(partial, wish(['first']))).stores).toEqual(['first']);
  });
  await withStores(others, async (strange) => {
    await expect(planRestore(strange, wish())).rejects.toMatchObject({
      kind: 'refused',
      message: 'the release file has no store first, second any more, which the backup holds',
      next: 'Give them their names of then in the release file.',
    });
  });
});

test('a restore that was cut short stays unknown in the history of the schema until its end is told, or a later one is finished', async () => {
  const { db } = await app.database();
  const place = { service: 'notes', environment: 'staging' };
  const stores = [{ name: 'database', kind: 'sqlite' }];
  const tell = (type: 'backup.restoring' | 'backup.restored' | 'backup.restore-failed', kept: string, more = {}) =>
    journalBackups(db, [
      { ...place, type, release: null, actor: EXECUTOR, data: { backup: 'bk_1', kept: [kept], stores, ...more } },
    ]);
  const kinds = async (): Promise<string[]> => (await schemaEvents(db, place)).map(({ kind }) => kind);
  await tell('backup.restoring', 'a');
  expect(await kinds()).toEqual(['restoring']);
  expect((await replacements(db, place)).has('a')).toBe(true);
  await tell('backup.restoring', 'b');
  await tell('backup.restore-failed', 'b', { fault: 'x', notPutBack: [] });
  expect(await kinds()).toEqual(['restoring']);
  await tell('backup.restoring', 'c');
  await tell('backup.restore-failed', 'c', { fault: 'x', notPutBack: ['database: x'] });
  expect(await kinds()).toEqual(['restoring', 'restoring']);
  await tell('backup.restoring', 'd');
  await tell('backup.restored', 'd');
  expect(await kinds()).toEqual(['restored']);
});

test('work on backups is stopped when the connection that holds its lock is lost, and says so', async () => {
  const database = await app.database();
  const place = { service: 'notes', environment: 'staging' };
  const effect = createEffect(project.directory);
  const holders = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted`;
  const pids = async (): Promise<number[]> =>
    (await database.pool.query<{ pid: number }>(holders)).rows.map(({ pid }) => pid);
  const before = await pids();
  const working = withBackupLock(database, place, async (lost) => {
    const own = (await pids()).filter((pid) => !before.includes(pid));
    expect(own).toHaveLength(1);
    await database.pool.query('SELECT pg_terminate_backend($1)', own);
    const { clock, signal } = effectUntil(effect, lost);
    await clock.sleep(LIMIT_MS, signal);
  });
  await expect(working).rejects.toMatchObject({
    kind: 'database-unavailable',
    message: expect.stringContaining('the lock of the backups of notes staging') as string,
  });
});

/** With another release file meanwhile. */
async function withStores(stores: string, act: (changed: App) => Promise<void>): Promise<void> {
  project.write('shipway.yaml', RELEASE_FILE(stores));
  const changed = await open();
  try {
    await act(changed);
  } finally {
    await changed.close();
    project.write('shipway.yaml', RELEASE_FILE(BOTH));
  }
}
