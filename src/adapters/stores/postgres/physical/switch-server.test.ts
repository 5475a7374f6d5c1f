import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEffect } from '../../../../../test/support/create-effect.ts';
import { waitUntil } from '../../../../../test/support/wait-until.ts';
import { factsOf } from '../../../../platform/file-tree.ts';
import { seesAllOf, workingIn } from '../../../../platform/process-table.ts';
import { parseAddress } from '../address.ts';
import { physicalSettings } from './settings.ts';
import { discardCluster } from './swap-cluster.ts';
import { checkStarted, stopServer, type SwitchedServer } from './switch-server.ts';

vi.setConfig({ testTimeout: 120_000 }); // names are looked up in it, and commands are started

const onLinux = it.runIf(process.platform === 'linux');

let project: string;
let directory: string;
let worker: ChildProcess | null;
const effect = (): ReturnType<typeof createEffect> => createEffect(project);

/** Its name does not resolve, as that of a container which is stopped. */
function nameless(stop: string[]): SwitchedServer {
  const start = ['true'];
  const settings = physicalSettings.parse({ directory, stop, start, timeout: '1s' });
  return { settings, address: parseAddress('postgresql://nobody@shipway-test.invalid/none'), directory, stop, start };
}

async function workIn(folder: string): Promise<void> {
  worker = spawn('sleep', ['300'], { cwd: folder, stdio: 'ignore' });
  const identity = (await factsOf(folder))?.identity ?? '';
  await waitUntil('somebody to work in the folder', () => (workingIn(identity) ?? []).length > 0);
}

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'shipway-switch-'));
  directory = join(project, 'main');
  mkdirSync(directory);
  worker = null;
});
afterEach(() => {
  worker?.kill('SIGKILL');
  rmSync(project, { recursive: true });
});

describe('a server whose name went away with it', () => {
  it('is down when nobody works in its directory', async () => {
    await stopServer(nameless(['true']), effect());
  });

  onLinux('is not down while somebody does', async () => {
    await workIn(directory);
    await expect(stopServer(nameless(['true']), effect())).rejects.toThrow('does not stop within 1 s');
  });

  it.runIf(seesAllOf(process.getuid?.() ?? 0))(
    'is down though it has left its note, where all processes are seen',
    async () => {
      writeFileSync(join(directory, 'postmaster.pid'), '1\n');
      await stopServer(nameless(['true']), effect());
    },
  );
});

describe('the stop command', () => {
  it('is run also for a server that is down, so that nobody starts it again', async () => {
    const told = join(project, 'told');
    await stopServer(nameless(['touch', told]), effect());
    expect(existsSync(told)).toBe(true);
  });

  it('may fail where the server is down', async () => {
    await stopServer(nameless(['false']), effect());
  });

  onLinux('may not fail where it is not', async () => {
    await workIn(directory);
    await expect(stopServer(nameless(['false']), effect())).rejects.toThrow(
      'the stop command of the PostgreSQL server',
    );
  });
});

describe('a server that works in the replaced directory', () => {
  onLinux('is found, though another one works in the restored directory', async () => {
    const replaced = join(project, 'main.replaced-bk_1');
    mkdirSync(replaced);
    mkdirSync(join(directory, 'global'));
    writeFileSync(join(directory, 'postmaster.pid'), '1\n');
    writeFileSync(join(directory, 'global/pg_control'), Buffer.from([7, 0, 0, 0, 0, 0, 0, 0]));
    await checkStarted(nameless(['true']), { systemId: '7' }, replaced);
    await workIn(replaced);
    const checking = checkStarted(nameless(['true']), { systemId: '7' }, replaced);
    await expect(checking).rejects.toThrow(`out of use (process ${worker?.pid})`);
  });

  onLinux('keeps it from being deleted', async () => {
    const keptAt = join(project, 'main.replaced-bk_1');
    mkdirSync(keptAt);
    await workIn(keptAt);
    await expect(discardCluster({ keptAt })).rejects.toThrow(`out of use (process ${worker?.pid})`);
    expect(existsSync(keptAt)).toBe(true);
  });
});
