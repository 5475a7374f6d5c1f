import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import type { OpenedCopy } from '../store.ts';
import { sharedCopies } from './shared-tree.ts';

const MIB = 1024 * 1024;
const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

describe(
  'a copy in pieces of 4 MiB, as they were written before an index said their size',
  { timeout: 120_000 },
  () => {
    let project: string;
    beforeEach(() => void (project = mkdtempSync(join(tmpdir(), 'shipway-old-pieces-'))));
    afterEach(() => rmSync(project, { recursive: true, force: true }));

    const film = randomBytes(4 * MIB + 10);
    const shared = () =>
      sharedCopies({ paths: ['data'], isExcluded: () => false, projectDirectory: join(project, 'live') });
    /** Lines and digest are written here by hand, from the page of the format. */
    const copyOf = (second: Buffer): OpenedCopy => {
      const objects: Record<string, Buffer> = {
        one: film.subarray(0, 4 * MIB),
        two: Buffer.concat([randomBytes(7), second]),
      };
      const [a, b] = [sha256(film.subarray(0, 4 * MIB)), sha256(film.subarray(4 * MIB))];
      const owner = { gid: process.getgid?.() ?? 0, uid: process.getuid?.() ?? 0 };
      const lines = [
        `{"gid":${owner.gid},"mode":493,"mtimeMs":1000,"path":"data","type":"directory","uid":${owner.uid}}`,
        `{"bytes":${film.length},"gid":${owner.gid},"mode":420,"mtimeMs":1000,"path":"data/film","pieces":[` +
          `{"at":0,"object":"one","sha256":"${a}"},{"at":7,"object":"two","sha256":"${b}"}],"type":"file","uid":${owner.uid}}`,
      ];
      const lasting =
        '{"mode":493,"path":"data","type":"directory"}\n' +
        `{"bytes":${film.length},"mode":420,"path":"data/film","pieces":["${a}","${b}"],"type":"file"}\n`;
      const folder = join(project, 'copy');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'index.jsonl'), `${lines.join('\n')}\n`);
      return {
        folder,
        objects: { names: Object.keys(objects), read: async (name) => objects[name] ?? Buffer.alloc(0) },
        capture: {
          engine: 'files 2 (pieces of 4 MiB in objects)',
          consistentAt: '2026-11-21T00:00:00.000Z',
          liveBytes: film.length,
          counters: { bytes: film.length, directories: 1, files: 1, links: 0 },
          fingerprint: `files-2:${sha256(lasting)}`,
        },
      };
    };

    it('is verified, restored and proven', async () => {
      const copy = copyOf(film.subarray(4 * MIB));
      const effect = createEffect(project);
      await shared().verify(copy, effect);
      const into = join(project, 'into');
      mkdirSync(into);
      await shared().extract(copy, into, effect);
      expect(readFileSync(join(into, 'data/film')).equals(film)).toBe(true);
      mkdirSync(join(project, 'live/data'), { recursive: true });
      const { checked } = await shared().prove(copy, join(project, 'scratch'), effect);
      expect(checked).toEqual(['1 files restored and read back: names, rights and content as captured']);
    });

    it('is refused when a piece is not what the index says', async () => {
      const copy = copyOf(randomBytes(10));
      await expect(shared().verify(copy, createEffect(project))).rejects.toMatchObject({
        kind: 'backup-invalid',
        message: 'the content of data/film is not as it was captured',
      });
    });
  },
);
