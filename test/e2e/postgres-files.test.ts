import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { acceptLoss } from '../support/accept-loss.ts';
import { freePort } from '../support/free-port.ts';
import {
  createTemplate,
  physicalSettingsOf,
  queryPhysical,
  removeTemplate,
  startPhysical,
  stopPhysical,
  type PhysicalPostgres,
} from '../support/physical-postgres.ts';
import { findPostgres } from '../support/postgres-server.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const LIMIT_MS = 400_000; // several servers are started one after the other, on a machine that does other things too
vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

const found = findPostgres();

describe.skipIf('reason' in found)(
  `the files of a PostgreSQL server (${'reason' in found ? found.reason : ''})`,
  () => {
    let server: PhysicalPostgres;
    let project: ServiceProject;
    let id = '';
    const backup = async (code: number, ...args: string[]): Promise<string> =>
      said(code, await project.shipway(['backup', ...args]));
    const rows = (): Promise<object[]> =>
      queryPhysical(server, 'shop', `SELECT word, count(*)::int AS rows FROM notes GROUP BY 1 ORDER BY 1`);

    beforeAll(async () => {
      if ('reason' in found) return;
      server = await createTemplate(found.bin, await freePort());
      const { url, ...given } = physicalSettingsOf(server, 'shop');
      const settings = JSON.stringify({ url: '$DATABASE_URL', ...given });
      project = await createServiceProject({
        top: `stores: { database: { postgres: ${settings} } }`,
        watch: '',
        environment: '    env-file: .env',
      });
      project.write('.env', `DATABASE_URL=${String(url)}\n`);
      await startPhysical(project.directory, server);
      await queryPhysical(server, 'postgres', 'CREATE DATABASE shop');
      await queryPhysical(
        server,
        'shop',
        `CREATE TABLE notes AS SELECT 'old' AS word FROM generate_series(1, 500); CREATE INDEX ON notes (word)`,
      );
    });
    afterAll(async () => {
      if ('reason' in found) return;
      stopPhysical(project.directory, server);
      removeTemplate(server);
      await project.remove();
    });

    test('are backed up while it is in use, proven by a restore, and written into a folder a server starts on', async () => {
      const { backup: made } = JSON.parse(await backup(0, 'create', '--json')) as { backup: { id: string } };
      id = made.id;
      expect(await backup(0, 'verify', id, '--level', '3')).toMatch(/recovered by a server of its own/);
      await backup(0, 'restore', id, '--into', 'look');
      const data = join(project.directory, 'look/database/data');
      execFileSync(join(server.programs, 'pg_verifybackup'), [data], { stdio: 'pipe' });
      expect(existsSync(join(data, 'backup_label'))).toBe(true);
    });

    test('come back in place with the loss that was shown, and the directory that was replaced is kept until it is discarded', async () => {
      await queryPhysical(server, 'shop', `INSERT INTO notes SELECT 'new' FROM generate_series(1, 7)`);
      const { asked, ended } = await acceptLoss(project, ['backup', 'restore', id]);
      expect(asked + said(0, ended)).toMatch(/shop: public\.notes.*7/);
      expect(await rows()).toEqual([{ word: 'old', rows: 500 }]);
      expect(existsSync(join(project.directory, `pg/main.replaced-${id}`))).toBe(true);
      said(0, await project.shipway(['backup', 'discard', '--all', '--yes']));
      expect(existsSync(join(project.directory, `pg/main.replaced-${id}`))).toBe(false);
    });

    test('killed before the server was started on the restored data, nothing is discarded and the same command finishes it', async () => {
      await queryPhysical(server, 'shop', `INSERT INTO notes SELECT 'new' FROM generate_series(1, 7)`);
      const gaps = join(project.directory, 'gaps');
      mkdirSync(gaps);
      writeFileSync(join(gaps, 'at'), '["stores.postgres.swapped"]');
      writeFileSync(join(gaps, 'do'), 'kill');
      const asked = said(3, await project.shipway(['backup', 'restore', id, '--yes']));
      const since = /add --yes-lose-data-since (\S+)/.exec(asked)?.[1] ?? '';
      const command = ['backup', 'restore', id, '--yes-lose-data-since', since];
      const killed = await project.shipway(command, { environment: { SHIPWAY_GAPS: gaps } });
      expect(killed.exitCode).not.toBe(0);
      await project.shipway(['backup', 'discard', '--all', '--yes']);
      expect(existsSync(join(project.directory, `pg/main.replaced-${id}`))).toBe(true);
      const finish = `shipway backup restore ${id} --store database --env production`;
      expect(said(0, await project.shipway(['status']))).toContain(finish);
      const backups = JSON.parse(await backup(0, 'list', '--json')) as { backups: object[] };
      said(0, await project.shipway(command));
      expect(await rows()).toEqual([{ word: 'old', rows: 500 }]);
      expect((JSON.parse(await backup(0, 'list', '--json')) as { backups: object[] }).backups).toHaveLength(
        backups.backups.length,
      );
      said(0, await project.shipway(['backup', 'discard', '--all', '--yes']));
      expect(existsSync(join(project.directory, `pg/main.replaced-${id}`))).toBe(false);
    });

    test('a backup that no server starts on is never listed', async () => {
      const before = await backup(0, 'list', '--json');
      mkdirSync(join(project.directory, 'broken'));
      writeFileSync(
        join(project.directory, 'broken/postgres'),
        `#!/bin/sh\n[ "$1" = --version ] && exec ${server.programs}/postgres --version\necho "FATAL:  it is broken" >&2\nexit 1\n`,
        { mode: 0o755 },
      );
      const file = join(project.directory, 'shipway.yaml');
      const text = execFileSync('cat', [file], { encoding: 'utf8' });
      writeFileSync(file, text.replace(`"programs":"${server.programs}"`, `"programs":"${project.directory}/broken"`));
      expect(await backup(1, 'create')).toMatch(/no server starts on the copy[\s\S]*it is broken/);
      writeFileSync(file, text);
      expect(await backup(0, 'list', '--json')).toBe(before);
    });
  },
);
