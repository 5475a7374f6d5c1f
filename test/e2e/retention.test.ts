import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSqlite } from '../support/read-sqlite.ts';
import { acceptLoss } from '../support/accept-loss.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

// A policy that keeps nothing: whatever stays is needed.
const TOP = `stores: { data: { files: { paths: [data] } }, database: { sqlite: { path: app.db } } }
backups: { keep: { for: 0s, last: 0, daily: 0, weekly: 0, monthly: 0 } }`;
const HOUR_MS = 3_600_000;
const LIMIT_MS = 120_000; // a dozen commands one after the other, on a machine that does other things too

let project: ServiceProject;
const made: string[] = [];

beforeAll(async () => {
  project = await createServiceProject({
    top: TOP,
    watch: '',
    verify: '      - Agreed: { run: [test, "!", -e, disagree-$VERSION] }',
  });
  write('one');
  for (const version of ['1.0.0', '1.1.0']) {
    project.addVersion(version, 'healthy');
    said(0, await project.release(version));
  }
  for (let count = 0; count < 5; count += 1) made.push(await createBackup());
}, 300_000);
afterAll(() => project.remove());

/** Both stores in the state of that word. */
function write(word: string): void {
  project.write('data/word.txt', word);
  const database = new Database(join(project.directory, 'app.db'));
  database.exec(`CREATE TABLE IF NOT EXISTS t(word); DELETE FROM t; INSERT INTO t VALUES ('${word}')`);
  database.close();
}

function words(): string[] {
  const [rows] = readSqlite(join(project.directory, 'app.db'), 'SELECT word FROM t');
  return [project.read('data/word.txt'), String(rows?.[0]?.[0])];
}

const backup = async (code: number, ...args: string[]): Promise<string> =>
  said(code, await project.shipway(['backup', ...args]));
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await backup(0, ...args, '--json')) as T;

async function createBackup(): Promise<string> {
  return (await json<{ backup: { id: string } }>('create')).backup.id;
}

interface Listed {
  id: string;
  reason: string;
  release: string | null;
  rules: string[];
  pin: { reason: string; by: string } | null;
  proof: { outcome: string; level: number } | null;
}
const list = async (): Promise<Listed[]> => (await json<{ backups: Listed[] }>('list')).backups;
const isListed = async (id: string): Promise<boolean> => (await list()).some((one) => one.id === id);
const vault = (...names: string[]): string => join(project.directory, '.shipway/backups', ...names);
const events = async (type: string): Promise<Record<string, unknown>[]> =>
  (
    await project.rows<{ data: Record<string, unknown> }>(
      `select (entry::jsonb) -> 'data' as data from shipway.journal where type = $1 order by index`,
      [type],
    )
  ).map((row) => row.data);

test(
  'a dry run names every rule and changes nothing',
  async () => {
    const before = await list();
    const printed = await backup(0, 'prune', '--dry-run', '--explain');
    const [first, second] = before.filter((one) => one.reason === 'pre-release').reverse();
    expect(printed).toContain(`keep     ${first?.id}  taken before r-0001; a rollback may lead to 1.0.0`);
    expect(printed).toContain(`keep     ${second?.id}  taken before r-0002, which brought 1.1.0, the live version`);
    expect(printed).toContain(`prune    ${made[0]}  no rule keeps it any more`);
    expect(printed).toContain(`keep     ${made[4]}  one of the newest 3 verified (number 1)`);
    expect(printed).toMatch(/shop production: 2 \(.+\) would be pruned, deleted after 24 hours; 5 stay/);
    expect(await list()).toEqual(before);
    expect(await events('backup.pruned')).toEqual([]);
  },
  LIMIT_MS,
);

test(
  'list shows pins, and how long ago a backup was proven; the rules only where they are asked for',
  async () => {
    await backup(0, 'pin', made[0] ?? '', '--reason', 'audit of November');
    const printed = await backup(0, 'list');
    expect(printed).toContain('PROVEN');
    expect(printed).toMatch(/V2 \d+(\.\d+)?s ago|V2 \d+m/);
    expect(printed).toContain('  pinned by ana: audit of November');
    expect(printed).not.toContain('one of the newest 3 verified');
    expect(await backup(0, 'list', '--explain')).toContain('  one of the newest 3 verified (number 1)');
    expect((await list()).find((one) => one.id === made[0])).toMatchObject({
      pin: { reason: 'audit of November', by: 'ana' },
      proof: { outcome: 'pass', level: 2 },
    });
  },
  LIMIT_MS,
);

test(
  'prune puts into the trash what nothing needs, once, and says so in the journal',
  async () => {
    await backup(0, 'prune');
    expect(await isListed(made[0] ?? '')).toBe(true);
    expect(await isListed(made[1] ?? '')).toBe(false);
    expect(await list()).toHaveLength(6);
    await backup(1, 'show', made[1] ?? '');
    expect(existsSync(vault(made[1] ?? '', 'manifest.json'))).toBe(true);
    expect(await backup(0, 'prune')).toContain('nothing to prune');
    expect(await events('backup.pruned')).toMatchObject([{ backup: made[1], rule: 'no rule keeps it any more' }]);
    expect(await events('backup.pinned')).toEqual([{ backup: made[0], reason: 'audit of November' }]);
  },
  LIMIT_MS,
);

test(
  'a pin takes a backup out of the trash as it was',
  async () => {
    expect(await backup(0, 'pin', made[1] ?? '', '--reason', 'needed after all')).toContain('taken out of the trash');
    expect(await backup(0, 'verify', made[1] ?? '')).toContain('1 of 1 whole');
    expect(await events('backup.recovered')).toMatchObject([{ backup: made[1] }]);
    said(3, await project.shipway(['backup', 'unpin', made[1] ?? '']));
    for (const id of made.slice(0, 2)) await backup(0, 'unpin', id, '--reason', 'audit is over', '--yes');
    expect(await events('backup.unpinned')).toHaveLength(2);
    await backup(1, 'unpin', made[0] ?? '', '--yes');
  },
  LIMIT_MS,
);

test(
  'what was in the trash for a day is deleted for good; its tombstone keeps the chain whole',
  async () => {
    const id = made[1] ?? '';
    await backup(0, 'prune');
    await backup(0, 'prune');
    expect(existsSync(vault(id))).toBe(true);
    const path = vault(`${id}.pruned`);
    const tombstone = JSON.parse(readFileSync(path, 'utf8')) as { prunedAt: string; manifest: string };
    const yesterday = new Date(Date.parse(tombstone.prunedAt) - 24 * HOUR_MS).toISOString();
    writeFileSync(path, readFileSync(path, 'utf8').replace(tombstone.prunedAt, yesterday));
    expect(await backup(0, 'prune')).toContain(`delete   ${id}`);
    expect(readdirSync(vault()).filter((name) => name.startsWith(id))).toEqual([`${id}.pruned`]);
    expect(existsSync(vault(made[0] ?? ''))).toBe(true);
    const next = JSON.parse(readFileSync(vault(made[2] ?? '', 'manifest.json'), 'utf8')) as { previous: string };
    expect(next.previous).toBe(tombstone.manifest);
    expect(await events('backup.removed')).toEqual([{ backup: id }]);
    await backup(1, 'pin', id, '--reason', 'too late');
    await backup(0, 'verify');
    said(0, await project.shipway(['verify']));
  },
  LIMIT_MS,
);

test(
  'a rollback that needs a person keeps its backups and the data it replaced',
  async () => {
    write('spoilt');
    project.write('disagree-1.0.0', '');
    said(21, (await acceptLoss(project, ['rollback', '--data', 'restore', '--reason', 'spoilt'])).ended);
    const [release] = await project.rows<{ id: string }>('select id from shipway.release where finished_at is null');
    const id = release?.id ?? '';
    expect(words()).toEqual(['one', 'one']);
    const listed = await backup(0, 'discard');
    expect(listed.match(new RegExp(`${id} is not over`, 'g'))).toHaveLength(2);
    expect(await backup(30, 'discard', id, '--yes')).toContain(`${id} is not over`);
    expect(await backup(0, 'discard', '--all', '--yes')).toContain('nothing to discard');
    const needed = (await list()).filter((one) => one.rules.includes(`${id} is not over and needs it`));
    expect(needed.map((one) => one.reason).sort()).toEqual(['pre-release', 'pre-rollback']);
    rmSync(join(project.directory, 'disagree-1.0.0'));
    said(0, await project.shipway(['resume', id]));
  },
  LIMIT_MS,
);

test(
  'the data that a rollback replaced is listed and discarded, in both stores, and the live data stays',
  async () => {
    const { replaced } = await json<{ replaced: { store: string; release: string; place: string; bytes: number }[] }>(
      'discard',
    );
    expect(replaced.map((one) => one.store).sort()).toEqual(['data', 'database']);
    const [release] = new Set(replaced.map((one) => one.release));
    expect(await backup(0, 'discard', release ?? '', '--dry-run')).toContain('would delete');
    said(3, await project.shipway(['backup', 'discard', release ?? '']));
    for (const { place, bytes } of replaced) {
      expect(existsSync(join(project.directory, place))).toBe(true);
      expect(bytes).toBeGreaterThan(0);
    }
    await backup(0, 'discard', release ?? '', '--yes');
    expect(readdirSync(project.directory).filter((name) => /replaced|swap-|restore-/.test(name))).toEqual([]);
    expect(words()).toEqual(['one', 'one']);
    expect(await events('data.discarded')).toHaveLength(2);
    await backup(1, 'discard', release ?? '', '--yes');
    expect(await backup(0, 'discard')).toContain('No replaced data is kept aside.');
  },
  LIMIT_MS,
);

test(
  'when no backup is proven good any more, nothing is pruned, and the reason is said with exit code 30',
  async () => {
    await createBackup();
    // The one in the trash is good, and would count.
    await backup(0, 'pin', made[0] ?? '', '--reason', 'to be looked at too');
    const before = await list();
    for (const { id } of before) writeFileSync(vault(id, 'data', 'index.jsonl'), 'damaged');
    await backup(1, 'verify');
    expect(await backup(0, 'list')).toContain('FAILED');
    expect((await list()).every((one) => one.proof?.outcome === 'fail')).toBe(true);
    const printed = await backup(30, 'prune');
    expect(printed).toContain('no verified backup is younger than 48 hours');
    expect(printed).toContain('shipway backup create --env production');
    expect((await list()).map((one) => one.id)).toEqual(before.map((one) => one.id));
    for (const { id } of before) expect(existsSync(vault(id))).toBe(true);
  },
  LIMIT_MS,
);

test(
  'what a restore by hand replaced is discarded too',
  async () => {
    const other = await createServiceProject({ top: TOP });
    try {
      other.write('data/word.txt', 'old');
      const database = new Database(join(other.directory, 'app.db'));
      database.exec('CREATE TABLE t(word)');
      database.close();
      const run = async (...args: string[]): Promise<string> => said(0, await other.shipway(['backup', ...args]));
      const { backup: taken } = JSON.parse(await run('create', '--json')) as { backup: { id: string } };
      other.write('data/word.txt', 'new');
      said(0, (await acceptLoss(other, ['backup', 'restore', taken.id])).ended);
      expect(other.read('data/word.txt')).toBe('old');
      expect(await run('discard')).toMatch(/data +by hand/);
      await run('discard', '--all', '--yes');
      expect(readdirSync(other.directory).filter((name) => /replaced|swap-/.test(name))).toEqual([]);
      expect(other.read('data/word.txt')).toBe('old');
    } finally {
      await other.remove();
    }
  },
  LIMIT_MS,
);

test(
  'a backup with less than half of the data of the one before is called out, and fills no place',
  async () => {
    const other = await createServiceProject({ top: 'stores: { data: { files: { paths: [data] } } }' });
    try {
      const run = async (...args: string[]): Promise<string> => said(0, await other.shipway(['backup', ...args]));
      for (const length of [100_000, 40_000]) {
        other.write('data/word.txt', 'x'.repeat(length));
        await run('create');
      }
      const { backups } = JSON.parse(await run('list', '--json')) as {
        backups: { suspicious: boolean; rules: string[] }[];
      };
      expect(backups.map((one) => one.suspicious)).toEqual([true, false]);
      expect(backups[0]?.rules).toEqual(['younger than 1w']);
      expect(backups[1]?.rules).toContain('one of the newest 3 verified (number 1)');
      expect(await run('list')).toContain('less than half of the data of the backup before it');
    } finally {
      await other.remove();
    }
  },
  LIMIT_MS,
);
