import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEffect } from '../../../../../test/support/create-effect.ts';
import { freePort } from '../../../../../test/support/free-port.ts';
import {
  createTemplate,
  dataOf,
  physicalSettingsOf,
  queryPhysical,
  removeTemplate,
  startPhysical,
  stopPhysical,
  type PhysicalPostgres,
} from '../../../../../test/support/physical-postgres.ts';
import { findPostgres } from '../../../../../test/support/postgres-server.ts';
import { waitUntil } from '../../../../../test/support/wait-until.ts';
import type { Staged, Store } from '../../store.ts';
import { openPostgresCopies } from '../postgres-copies.ts';
import { postgresSettings } from '../postgres-settings.ts';

vi.setConfig({ testTimeout: 400_000, hookTimeout: 400_000 }); // servers are made and started in it
const found = findPostgres();

if ('reason' in found) it.skip(`the swap of a data directory: ${found.reason}`, () => undefined);
else swaps(await createTemplate(found.bin, await freePort()));

function swaps(server: PhysicalPostgres): void {
  let project: string;
  let staged: Staged;
  const effect = (): ReturnType<typeof createEffect> => createEffect(project);
  const words = (): Promise<object[]> => queryPhysical(server, 'postgres', 'SELECT word FROM notes');
  const open = (change: Record<string, unknown> = {}): Store => {
    const given = physicalSettingsOf(server, 'postgres');
    const physical = { ...(given['physical'] as object), ...change };
    return openPostgresCopies(postgresSettings.parse({ ...given, physical }), { projectDirectory: project });
  };

  beforeEach(async () => {
    project = mkdtempSync(join(tmpdir(), 'shipway-physical-'));
    const copy = join(project, '.copy');
    mkdirSync(copy);
    await startPhysical(project, server);
    await queryPhysical(server, 'postgres', `CREATE TABLE notes AS SELECT 'old' AS word`);
    const capture = await open().capture(copy, effect());
    await queryPhysical(server, 'postgres', `UPDATE notes SET word = 'new'`);
    staged = await open().stage(copy, capture, 'bk_1', effect());
  });
  afterEach(() => {
    stopPhysical(project, server);
    rmSync(project, { recursive: true, force: true });
  });

  afterAll(() => removeTemplate(server));

  describe('a server that its stop command does not stop', () => {
    it('keeps its directory, and the restore is finished when the command is right', async () => {
      const wrong = open({ stop: ['true'], timeout: '2s' });
      await expect(wrong.swap(staged, effect())).rejects.toThrow('the PostgreSQL server does not stop within 2 s');
      expect(await words()).toEqual([{ word: 'new' }]);
      await open().swap(staged, effect());
      expect(await words()).toEqual([{ word: 'old' }]);
    });
  });

  describe('a server that has crashed', () => {
    it('is taken for down once nobody works in its directory, though it has left its note', async () => {
      const pid = Number(readFileSync(join(dataOf(project), 'postmaster.pid'), 'utf8').split('\n')[0]);
      process.kill(pid, 'SIGKILL');
      await waitUntil('the server to be gone', () =>
        queryPhysical(server, 'postgres', 'SELECT 1').then(
          () => false,
          () => true,
        ),
      );
      const record = await open().swap(staged, effect());
      expect(await words()).toEqual([{ word: 'old' }]);
      // A server does not start beside a note that names a process which only waits to be collected.
      await waitUntil('the killed process to be collected', () => !isListed(pid), { limitSeconds: 120 });
      await open().swapBack(record, effect());
      expect(await words()).toEqual([{ word: 'new' }]);
    });
  });

  describe('a start command that starts another directory', () => {
    it('is found, and the restore can be undone', async () => {
      const elsewhere = 'POSTGRES_DIRECTORY=pg/main.replaced-bk_1';
      const { start } = postgresSettings.parse(physicalSettingsOf(server, 'postgres')).physical ?? {};
      const wrong = open({ start: ['env', elsewhere, ...(start ?? [])] });
      await expect(wrong.swap(staged, effect())).rejects.toThrow('does not work on the restored directory');
      const replaced = {
        ...process.env,
        POSTGRES_PROGRAMS: server.programs,
        POSTGRES_DIRECTORY: `${dataOf(project)}.replaced-bk_1`,
      };
      execFileSync(start?.[0] ?? '', [start?.[1] ?? '', 'stop'], { env: replaced, cwd: project });
      await open().swapBack(open().recordOf(staged, effect()), effect());
      expect(await words()).toEqual([{ word: 'new' }]);
    });
  });
}

/** Also one that has ended, until its parent has noticed. */
function isListed(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
