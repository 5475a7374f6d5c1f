import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openPart } from './open-part.ts';
import { openObject, newObjectKey, sealObject } from './seal-object.ts';
import { sealPart } from './seal-part.ts';

vi.mock(import('./zstd.ts'), async (original) => {
  const real = await original();
  return { ...real, zstdHere: () => Promise.resolve(real.chooseZstd(null, {})) };
});

const TEXT = Buffer.alloc(2_500_000, 'a line of the customers, and another one\n');

describe('where zstd cannot be loaded', () => {
  it('parts are packed with brotli, and come back as they were', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'shipway-brotli-'));
    try {
      const to = join(folder, 'stored');
      const name = { backup: 'bk', path: 'data/part' };
      const part = await sealPart({ from: TEXT, to, name, dataKey: null, signal: undefined });
      expect(part.stored).toMatchObject({ codec: 'brotli' });
      const opened = join(folder, 'opened');
      await openPart({ from: to, to: opened, part, backup: 'bk', lock: null });
      expect(readFileSync(opened).equals(TEXT)).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('objects are packed with brotli where that saves something', async () => {
    const key = newObjectKey();
    for (const [raw, codec] of [
      [TEXT, 'brotli'],
      [randomBytes(300_000), 'none'],
    ] as const) {
      const { object, stored } = await sealObject('data/objects/x', raw, key);
      expect(object.stored.codec).toBe(codec);
      expect((await openObject(object, Buffer.concat(stored), key)).equals(raw)).toBe(true);
    }
  });

  it('an object that was packed with zstd is refused with the way out', async () => {
    const { object, stored } = await sealObject('data/objects/x', randomBytes(50), null);
    const frame = Buffer.concat([Buffer.from('28b52ffda032000000910100', 'hex'), ...stored]);
    const packed = { ...object, stored: { ...object.stored, codec: 'zstd' as const } };
    await expect(openObject(sealedAs(packed, frame), frame, null)).rejects.toMatchObject({ kind: 'refused' });
  });
});

function sealedAs(object: Parameters<typeof openObject>[0], found: Buffer): Parameters<typeof openObject>[0] {
  const sha256 = createHash('sha256').update(found).digest('hex');
  return { ...object, stored: { ...object.stored, bytes: found.length, sha256 } };
}
