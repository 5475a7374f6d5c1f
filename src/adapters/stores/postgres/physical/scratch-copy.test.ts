import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createEffect } from '../../../../../test/support/create-effect.ts';
import { freeBytes } from '../../../../platform/files.ts';
import { withScratchCopy } from './scratch-copy.ts';

let project: string; // only we may enter it
const user = { uid: 65534, gid: 65534 };
beforeEach(() => void (project = mkdtempSync(join(tmpdir(), 'shipway-scratch-copy-'))));
afterEach(() => rmSync(project, { recursive: true }));

it('a copy that does not fit where it is started is refused before it is written', async () => {
  const order = { scratch: join(project, 'scratch'), user: null, directory: null, bytes: Number.MAX_SAFE_INTEGER };
  let isUsed = false;
  const using = withScratchCopy(order, createEffect(project), () => Promise.resolve((isUsed = true)));
  await expect(using).rejects.toMatchObject({ kind: 'disk-full' });
  expect(isUsed).toBe(false);
});

it.runIf(process.getuid?.() === 0)('beside the live directory as much stays free as the copy takes', async () => {
  const directory = join(project, 'main');
  mkdirSync(directory);
  const bytes = Math.ceil(freeBytes(project) * 0.75);
  const order = { scratch: join(project, 'scratch'), user, directory, bytes };
  await expect(withScratchCopy(order, createEffect(project), () => Promise.resolve())).rejects.toMatchObject({
    kind: 'disk-full',
    where: project,
  });
  const effect = createEffect(project);
  const used = await withScratchCopy({ ...order, bytes: 1 }, effect, (place) => Promise.resolve(place));
  expect(effect.lines).toEqual([
    `the user of the server may not enter ${order.scratch}: the copy is started in ${used.directory}`,
  ]);
  expect(used.directory).toMatch(/main\.proof-[a-z2-7]+$/);
  expect(used.roomBytes).toBe(2);
  expect(existsSync(used.directory)).toBe(false);
});

it.runIf(process.getuid?.() === 0)('a scratch folder that shipway makes lets the user of the server in', async () => {
  chmodSync(project, 0o711);
  const directory = join(project, 'main');
  mkdirSync(directory);
  const order = { scratch: join(project, 'scratch'), user, directory, bytes: 1 };
  const effect = createEffect(project);
  const used = await withScratchCopy(order, effect, (place) => Promise.resolve(place));
  expect(used.directory).toContain(join(project, 'scratch/postgres-physical/proof-'));
  expect(effect.lines).toEqual([]);
});
