import {
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
  closeSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ARCHIVE, checkArchiveBytes, sumArchive, type Description } from './description.ts';

const LARGE_BYTES = 256 * 1024 * 1024; // takes longer to read than the time after which it is not read again; holes take no room

describe('the bytes of an archive', () => {
  let folder: string;
  let path: string;
  const described = (archive: Description['archive']): Description => ({ archive }) as Description;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shipway-archive-'));
    path = join(folder, ARCHIVE);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are compared with the sum that was taken, also when a large one was summed a moment ago and its time set back', async () => {
    writeFileSync(path, '');
    truncateSync(path, LARGE_BYTES);
    const description = described(await sumArchive(folder));
    await checkArchiveBytes(folder, description);
    const { atime, mtime } = statSync(path);
    const file = openSync(path, 'r+');
    writeSync(file, 'x', LARGE_BYTES / 2);
    closeSync(file);
    utimesSync(path, atime, mtime);
    await expect(checkArchiveBytes(folder, description)).rejects.toMatchObject({ kind: 'backup-invalid' });
  });

  it('are read again when another sum is expected than the one that was taken', async () => {
    writeFileSync(path, 'the archive');
    const taken = await sumArchive(folder);
    const other = described({ ...taken, sha256: '0'.repeat(64) });
    await expect(checkArchiveBytes(folder, other)).rejects.toMatchObject({ kind: 'backup-invalid' });
  });
});
