import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createServiceProject, said, watchLines, type ServiceProject } from '../support/service-project.ts';
import { waitUntil } from '../support/wait-until.ts';

let project: ServiceProject;
const mounts: string[] = [];

function mount(folder: string, options: string): void {
  mkdirSync(folder, { recursive: true });
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount failed: ${stderr}`);
  mounts.push(folder);
}

function remount(folder: string, options: string): void {
  const { status, stderr } = spawnSync('mount', ['-o', `remount,${options}`, folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`remount failed: ${stderr}`);
}

/** Whether this user may mount a small file system. In a container without that right the tests are skipped, and say so. */
function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const tried = spawnSync('unshare', ['-m', 'true']);
  return tried.status === 0;
}

const SKIP_REASON = 'needs root and the right to mount a small file system';

afterEach(async () => {
  for (const folder of mounts.splice(0)) spawnSync('umount', ['-l', folder]);
  await project.remove();
});

async function expectUntouched(version: string): Promise<void> {
  expect(await project.publicVersion()).toBe(version);
  expect(await project.rows('select * from shipway.release_lock')).toEqual([]);
  said(0, await project.shipway(['verify']));
}

describe('a backup directory that cannot be used', () => {
  beforeEach(async () => {
    project = await createServiceProject({
      top: 'stores: { data: { files: { paths: [data] } } }\nbackups: { directory: vault }',
      watch: '',
    });
    project.write('data/orders.txt', 'one\n'.repeat(700_000));
    for (const version of ['1.0.0', '1.1.0']) project.addVersion(version, 'healthy');
  });

  test('a file in its place: stopped before anything was changed, and it goes on when the file is gone', async () => {
    project.write('vault', 'in the way\n');
    const printed = said(1, await project.release('1.0.0'));
    expect(printed).toMatch(/vault could not be read: it, or something above it, is a file and not a folder/);
    expect(await project.rows('select * from shipway.release')).toEqual([]);
    expect(project.read('vault')).toBe('in the way\n');
    rmSync(join(project.directory, 'vault'));
    said(0, await project.release('1.0.0'));
  }, 180_000);

  test.skipIf(!mayMount())(
    `a read-only file system: stopped before anything was changed (${SKIP_REASON})`,
    async () => {
      mount(join(project.directory, 'vault'), 'ro,size=1m');
      const printed = said(22, await project.release('1.0.0'));
      expect(printed).toMatch(/read-only|may not be written|not permitted/i);
      expect(printed).toContain('vault');
      remount(join(project.directory, 'vault'), 'rw,size=50m');
      said(0, await project.release('1.0.0'));
    },
    180_000,
  );

  test.skipIf(!mayMount())(
    `a full disk: stopped before anything was changed, nothing half is left (${SKIP_REASON})`,
    async () => {
      const vault = join(project.directory, 'vault');
      mount(vault, 'size=16k,nr_inodes=100');
      project.write('data/noise.bin', noise());
      const printed = said(22, await project.release('1.0.0'));
      expect(printed).toMatch(/does not fit: about \d+ bytes needed, 16384 free/);
      expect(printed).toContain('Nothing was changed.');
      expect(printed).toContain('vault');
      expect(JSON.parse(said(0, await project.shipway(['backup', 'list', '--json'])))).toEqual({
        backups: [],
        untrusted: [],
      });
      const sealed = (readdirSync(vault, { recursive: true }) as string[]).filter((path) =>
        path.endsWith('manifest.json'),
      );
      expect(sealed).toEqual([]);
      remount(vault, 'size=50m');
      said(0, await project.release('1.0.0'));
      said(0, await project.shipway(['backup', 'verify']));
      await expectUntouched('1.0.0');
    },
    180_000,
  );
});

/** Bytes that no compression makes smaller. */
function noise(): string {
  let text = '';
  let seed = 1;
  while (text.length < 300_000) {
    seed = (seed * 48_271) % 2_147_483_647;
    text += seed.toString(36);
  }
  return text;
}

describe.skipIf(!mayMount())(`a full disk below the journal (${SKIP_REASON})`, () => {
  /** Fills the file system to its last block. */
  function fill(folder: string): string {
    const file = join(folder, 'filler');
    const handle = openSync(file, 'w');
    for (let block = Buffer.alloc(1 << 20, 1); block.length >= 1;) {
      try {
        writeSync(handle, block);
      } catch {
        block = block.subarray(0, Math.floor(block.length / 2));
      }
    }
    closeSync(handle);
    return file;
  }

  test('a release that meets it says so, waits, and ends as it should once there is room; its version is not blamed', async () => {
    project = await createServiceProject();
    project.write(
      'shipway.yaml',
      project.read('shipway.yaml').replace(/    watch:[^]*(?=    drain)/, `${watchLines(project.port, '5m', '10s')}\n`),
    );
    for (const version of ['1.0.0', '1.1.0']) project.addVersion(version, 'healthy');
    const state = join(project.directory, '.shipway');
    mount(state, 'size=300m,mode=755');
    said(0, await project.release('1.0.0'));
    const command = project.startRelease('1.1.0', [], { limitSeconds: 120 });
    await waitUntil(
      'the watch',
      async () => (await project.rows(`select 1 from shipway.release where state = 'watching'`)).length > 0,
      { limitSeconds: 40, everyMs: 100 },
    );
    const filler = fill(state);
    // Long enough for several rounds to want room for their samples and their journal entries.
    const since = performance.now();
    await waitUntil('the full disk to be met', () => performance.now() - since > 4000);
    expect(await project.publicVersion()).toBe('1.1.0');
    rmSync(filler);
    const ended = await command.ended;
    expect(said(0, ended)).toContain('the disk is full');
    expect(said(0, ended)).toContain('RELEASED 1.1.0');
    await expectUntouched('1.1.0');
  }, 180_000);

  test('a release that begins on a full disk is not begun, and says why', async () => {
    project = await createServiceProject({ watch: '' });
    for (const version of ['1.0.0', '1.1.0']) project.addVersion(version, 'healthy');
    const state = join(project.directory, '.shipway');
    mount(state, 'size=300m,mode=755');
    said(0, await project.release('1.0.0'));
    const filler = fill(state);
    const met = said(1, await project.release('1.1.0'));
    expect(met).toContain('the disk is full');
    expect(await project.publicVersion()).toBe('1.0.0');
    rmSync(filler);
    said(0, await project.release('1.1.0', [], { limitSeconds: 120 }));
    await expectUntouched('1.1.0');
  }, 180_000);
});
