import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { forPiecesOf } from './file-stream.ts';
import { writeSmall } from './file-tree.ts';

describe('a file', () => {
  let path: string;
  beforeEach(() => void (path = join(mkdtempSync(join(tmpdir(), 'file-stream-')), 'file')));
  afterEach(() => rmSync(join(path, '..'), { recursive: true }));

  test('is handed on to its last byte, and every piece lies where the one before lay', async () => {
    const content = Buffer.from(Array.from({ length: 300_001 }, (_, at) => `${at} `).join(''));
    writeFileSync(path, content);
    const hash = createHash('sha256');
    const memory = new Set<ArrayBufferLike>();
    let bytes = 0;
    await forPiecesOf(path, async (piece) => {
      hash.update(piece);
      memory.add(piece.buffer);
      bytes += piece.length;
    });
    expect([bytes, hash.digest('hex')]).toEqual([content.length, createHash('sha256').update(content).digest('hex')]);
    expect(memory.size).toBe(1);
  });

  test('that is small is written with its rights, and never over one that is there', async () => {
    await writeSmall(path, Buffer.from('new'), { mode: 0o640, owner: null });
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['new', 0o640]);
    await expect(writeSmall(path, Buffer.from('other'), { mode: 0o640, owner: null })).rejects.toThrow('EEXIST');
    expect(readFileSync(path, 'utf8')).toBe('new');
  });
});
