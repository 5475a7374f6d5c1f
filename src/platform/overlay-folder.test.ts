import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withOverlay } from './overlay-folder.ts';

let folder: string;
let place: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-overlay-'));
  place = join(folder, '.state/down');
  mkdirSync(join(folder, 'db/versions/__pycache__'), { recursive: true });
  writeFileSync(join(folder, 'db/versions/r1.py'), 'one');
  writeFileSync(join(folder, 'db/env.py'), 'of the older version');
  writeFileSync(join(folder, 'app.txt'), 'app');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const FILES = [
  { path: 'db/env.py', bytes: Buffer.from('of the newer version') },
  { path: 'db/versions/r2.py', bytes: Buffer.from('two') },
  { path: 'gone/away.sql', bytes: Buffer.from('three') },
];

test('the files lie over the folder, the rest is as it is, and the folder itself is left alone', async () => {
  const seen = await withOverlay(folder, FILES, place, async (over) => {
    writeFileSync(join(over, 'app.txt'), 'written through');
    return {
      env: readFileSync(join(over, 'db/env.py'), 'utf8'),
      versions: readdirSync(join(over, 'db/versions')),
      away: readFileSync(join(over, 'gone/away.sql'), 'utf8'),
      one: readFileSync(join(over, 'db/versions/r1.py'), 'utf8'),
    };
  });
  expect(seen).toEqual({ env: 'of the newer version', versions: ['r1.py', 'r2.py'], away: 'three', one: 'one' });
  expect(readFileSync(join(folder, 'db/env.py'), 'utf8')).toBe('of the older version');
  expect(readFileSync(join(folder, 'app.txt'), 'utf8')).toBe('written through');
  expect(existsSync(join(folder, 'gone'))).toBe(false);
  expect(readdirSync(place)).toEqual([]);
});

test('nothing is left when the use fails, nor of one that was killed', async () => {
  mkdirSync(join(place, 'killed'), { recursive: true });
  const failing = withOverlay(folder, FILES, place, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(readdirSync(place)).toEqual([]);
});
