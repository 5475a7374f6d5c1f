import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readTextAtOnce, writeAtomicallyAtOnce } from './files-at-once.ts';

describe('written at once, a file', () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'files-at-once-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('holds the new text, only its owner may read it, and nothing lies beside it', () => {
    const path = join(folder, 'state.json');
    writeFileSync(path, 'a longer old text', { mode: 0o644 });
    writeAtomicallyAtOnce(path, 'new');
    expect([readTextAtOnce(path), statSync(path).mode & 0o777]).toEqual(['new', 0o600]);
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  test('stays as it was and leaves no half file when the write fails', () => {
    writeAtomicallyAtOnce(join(folder, 'other'), 'x');
    expect(() => writeAtomicallyAtOnce(join(folder, 'other', 'below'), 'y')).toThrow('is a file and not a folder');
    expect([readdirSync(folder), readFileSync(join(folder, 'other'), 'utf8')]).toEqual([['other'], 'x']);
  });

  test('is null when there is none, and a problem when it cannot be read', () => {
    expect(readTextAtOnce(join(folder, 'none'))).toBeNull();
    expect(() => readTextAtOnce(folder)).toThrow('EISDIR');
  });
});
