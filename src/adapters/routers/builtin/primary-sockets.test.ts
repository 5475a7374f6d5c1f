import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askToLetGo, listenPrivately } from './primary-sockets.ts';

describe('a primary that takes over', () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'primary-sockets-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('does not wait for ever for the one before when that hangs', async () => {
    const path = join(folder, 'admin.sock');
    const open = new Set<Socket>();
    const mute = createServer((socket) => void open.add(socket));
    await listenPrivately(mute, path);
    expect(await askToLetGo(path)).toBe(false);
    for (const socket of open) socket.destroy();
    mute.close();
  });

  test('needs no answer from the one before when that is gone', async () => {
    expect(await askToLetGo(join(folder, 'nobody.sock'))).toBe(false);
  });
});
