import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { describePlace } from '../place.suite.ts';
import { openDirectoryPlace } from './directory-place.ts';

const folder = mkdtempSync(join(tmpdir(), 'shipway-directory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describePlace({ kind: 'directory', open: (effect) => openDirectoryPlace(folder, effect), canLink: true });

describe('a folder for copies', () => {
  test('that is not there is not made, because its disk may not be mounted', async () => {
    const root = join(folder, 'not-mounted');
    await expect(openDirectoryPlace(root, createEffect(folder)).names()).rejects.toMatchObject({
      kind: 'unreachable',
      where: root,
      next: expect.stringContaining('Mount the disk'),
    });
    expect(readdirSync(folder)).not.toContain('not-mounted');
  });

  test('holds files that this user alone can read', async () => {
    const root = mkdtempSync(join(tmpdir(), 'shipway-directory-'));
    writeFileSync(join(root, 'sent'), 'x');
    const sha256 = '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881';
    await openDirectoryPlace(root, createEffect(root)).send('a/b/part', { from: join(root, 'sent'), bytes: 1, sha256 });
    expect([statSync(join(root, 'a')).mode & 0o777, statSync(join(root, 'a/b/part')).mode & 0o777]).toEqual([
      0o700, 0o600,
    ]);
    rmSync(root, { recursive: true });
  });
});
