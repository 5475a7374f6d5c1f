import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEffect } from '../../../test/support/create-effect.ts';
import type { Effect } from '../../platform/effect.ts';
import type { Place, Sending } from './place.ts';

export interface PlaceCase {
  kind: string;
  /** The same place every time, empty at first. */
  open(effect: Effect): Place;
  /** Whether it gives a second name without sending. */
  canLink: boolean;
  /** Why it is not here, for the title; empty when it is. */
  missing?: string;
}

const LIMIT_MS = 240_000; // a busy machine, and a connection for each test
// Names that need care in addresses, in shells and in patterns.
const STRANGE = ['a b', 'ä+ü', '[x]*?', 'q\'uote"', '100%41', 'back#hash&amp;', '~', '-rf', '$HOME'];

/** The promises of `place.ts`, tried on one implementation. */
export function describePlace(one: PlaceCase): void {
  const missing = one.missing ?? '';
  const title = `the contract of places, kept by ${one.kind}${missing === '' ? '' : ` (${missing})`}`;
  describe.skipIf(missing !== '')(title, { timeout: LIMIT_MS }, () => {
    let folder: string;
    let place: Place;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'shipway-place-'));
      place = one.open(createEffect(folder));
    });
    afterEach(async () => {
      await place.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const sending = (content: string | Buffer): Sending => {
      const from = join(folder, 'sent');
      const bytes = Buffer.from(content);
      writeFileSync(from, bytes);
      return { from, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    };
    const read = async (path: string, from?: number): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      for await (const chunk of place.read(path, from)) chunks.push(chunk);
      return Buffer.concat(chunks);
    };

    test('what was sent is found with its size, listed and read back', async () => {
      await place.send('one/store/part', sending('content'));
      await place.send('root.json', sending('{}'));
      expect(await place.find('one/store/part')).toEqual({ path: 'one/store/part', bytes: 7 });
      expect((await read('one/store/part')).toString()).toBe('content');
      expect((await read('one/store/part', 3)).toString()).toBe('tent');
      expect((await read('one/store/part', 7)).toString()).toBe('');
      const { folders, files } = await place.names();
      expect(folders).toContain('one');
      expect(files).toContain('root.json');
    });

    test('what is not there is an answer', async () => {
      expect(await place.find('none/at/all')).toBeNull();
      expect(await place.files('none')).toEqual([]);
      await place.remove('none/at/all');
      await place.removeFolder('none');
    });

    test('every file below a folder is listed, whatever its name, and nothing beside it', async () => {
      const paths = STRANGE.map((name) => `listed/data/${name}`);
      for (const path of [...paths, 'listed/top', 'listed-not/part']) await place.send(path, sending(path));
      expect((await place.files('listed')).map(({ path }) => path).sort()).toEqual([...paths, 'listed/top'].sort());
      for (const path of paths) expect((await read(path)).toString()).toBe(path);
    });

    test('what is sent to a name that is taken replaces what was there', async () => {
      await place.send('again/part', sending('old content'));
      await place.send('again/part', sending('new'));
      expect((await read('again/part')).toString()).toBe('new');
      expect(await place.files('again')).toEqual([{ path: 'again/part', bytes: 3 }]);
    });

    test('an empty file is a file', async () => {
      await place.send('empty/part', sending(''));
      expect(await place.find('empty/part')).toEqual({ path: 'empty/part', bytes: 0 });
      expect((await read('empty/part')).length).toBe(0);
    });

    test('a file of many pieces comes back byte for byte, also from the middle', async () => {
      const content = Buffer.alloc(11 * 1024 * 1024 + 12_345);
      for (let at = 0; at < content.length; at += 4)
        content.writeUInt32LE((at * 2_654_435_761) >>> 0, Math.min(at, content.length - 4));
      await place.send('large/part', sending(content));
      expect((await read('large/part')).equals(content)).toBe(true);
      expect((await read('large/part', 5_000_001)).equals(content.subarray(5_000_001))).toBe(true);
    });

    test('a file that is not what was promised is not there afterwards', async () => {
      const wrong = { ...sending('content'), sha256: '0'.repeat(64) };
      await expect(place.send('wrong/part', wrong)).rejects.toThrow();
      expect(await place.files('wrong')).toEqual([]);
    });

    test.runIf(one.canLink)('a second name is given without sending, and lives on without the first', async () => {
      await place.send('first/part', sending('shared'));
      rmSync(join(folder, 'sent'));
      expect(await place.link('first/part', 'second/deep/part')).toBe(true);
      expect(await place.link('first/part', 'second/deep/part')).toBe(true);
      await place.remove('first/part');
      expect(await place.files('first')).toEqual([]);
      expect(await place.files('second')).toEqual([{ path: 'second/deep/part', bytes: 6 }]);
      expect((await read('second/deep/part')).toString()).toBe('shared');
    });

    test.runIf(one.canLink)('a second name that is taken is given to what it is linked to', async () => {
      await place.send('source/part', sending('right'));
      await place.send('taken/part', sending('other'));
      expect(await place.link('source/part', 'taken/part')).toBe(true);
      expect((await read('taken/part')).toString()).toBe('right');
      expect(await place.files('taken')).toEqual([{ path: 'taken/part', bytes: 5 }]);
    });

    test('what is not there cannot be linked', async () => {
      expect(await place.link('never/part', 'second/never')).toBe(false);
      expect(await place.find('second/never')).toBeNull();
    });

    test('what is removed is gone, and its folder when it is empty', async () => {
      await place.send('gone/part', sending('x'));
      await place.removeFolder('gone');
      expect(await place.find('gone/part')).not.toBeNull();
      await place.remove('gone/part');
      await place.removeFolder('gone');
      expect((await place.names()).folders).not.toContain('gone');
    });

    test('nothing is begun when the effect was stopped', async () => {
      const stopped = one.open(createEffect(folder, { signal: AbortSignal.abort() }));
      await expect(stopped.send('stopped/part', sending('x'))).rejects.toThrow();
      await stopped.close();
      expect(await place.find('stopped/part')).toBeNull();
    });

    test('a reader that leaves in the middle leaves nothing behind', async () => {
      await place.send('left/part', sending(Buffer.alloc(3 * 1024 * 1024, 7)));
      for await (const chunk of place.read('left/part')) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      expect(await place.find('left/part')).toEqual({ path: 'left/part', bytes: 3 * 1024 * 1024 });
    });
  });
}
