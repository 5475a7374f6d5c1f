import { spawn } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { waitUntil } from '../../test/support/wait-until.ts';
import { factsOf } from './file-tree.ts';
import { workingIn } from './process-table.ts';

it.runIf(process.platform === 'linux')(
  'who works in a folder is found, whatever the folder is called now',
  async () => {
    const parent = mkdtempSync(join(tmpdir(), 'shipway-working-'));
    const folder = join(parent, 'folder');
    const other = mkdtempSync(join(parent, 'other-'));
    renameSync(mkdtempSync(join(parent, 'made-')), folder);
    symlinkSync(folder, join(parent, 'link'));
    const child = spawn('sleep', ['60'], { cwd: join(parent, 'link'), stdio: 'ignore' });
    const pidsIn = async (path: string): Promise<number[]> =>
      workingIn((await factsOf(path))?.identity ?? '')?.map(({ pid }) => pid) ?? [];
    try {
      await waitUntil('the process to be there', async () => (await pidsIn(folder)).length > 0);
      renameSync(folder, join(parent, 'renamed'));
      expect(await pidsIn(join(parent, 'renamed'))).toEqual([child.pid]);
      expect(await pidsIn(other)).toEqual([]);
    } finally {
      child.kill('SIGKILL');
      rmSync(parent, { recursive: true });
    }
  },
);
