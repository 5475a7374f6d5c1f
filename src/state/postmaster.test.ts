import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { stopPostmaster } from './postmaster.ts';

const fileOf = (pid: number | undefined): string => `${pid}\n/data\n0\n5432\n/socket\n\n\nready\n`;

test('a server that ended since its file was read is stopped without an error', async () => {
  const ended = spawn(process.execPath, ['-e', '0']);
  await once(ended, 'exit');
  expect(() => stopPostmaster(fileOf(ended.pid))).not.toThrow();
});

test('a server that runs is interrupted', async () => {
  const runs = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  await once(runs, 'spawn');
  stopPostmaster(fileOf(runs.pid));
  expect(await once(runs, 'exit')).toEqual([null, 'SIGINT']);
});
