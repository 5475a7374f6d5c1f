import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAgeRecipient } from '../../../core/backup/age-recipient.ts';
import { storedOf, type Part } from '../../../core/backup/manifest.ts';
import { sha256OfFile } from '../../../platform/files.ts';
import { BLOCK_BYTES } from './blocks.ts';
import { newDataKey, unwrapDataKey, wrapDataKey } from './data-key.ts';
import { identityIn, newIdentity } from './identity.ts';
import { openPart } from './open-part.ts';
import { sealPart } from './seal-part.ts';
import { isSignature, newSigningKey, signatureText, signerOf } from './signature.ts';

const BACKUP = 'bk_20261121T004311Z_notes_production_manual_aaaaaa';
const TAG_BYTES = 16;
const LIMIT_MS = 240_000; // every part is synced, and the disk may be busy with something else

describe('a part', () => {
  let folder: string;
  const dataKey = newDataKey();
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'shipway-seal-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => join(folder, name);
  let count = 0;
  const seal = async (data: Buffer, path = 'data/part', key: Buffer | null = dataKey): Promise<Part> => {
    writeFileSync(at('raw'), data);
    rmSync(at('stored'), { force: true });
    return sealPart({
      from: at('raw'),
      to: at('stored'),
      name: { backup: BACKUP, path },
      dataKey: key,
      signal: undefined,
    });
  };
  /** Opened with outer hashes forged to match what lies there: nothing but the encryption can object. */
  const open = async (
    part: Part,
    change: { backup?: string; key?: Buffer | null; isForged?: boolean } = {},
  ): Promise<Buffer> => {
    const stored = { ...storedOf(part), ...(change.isForged === false ? {} : await sha256OfFile(at('stored'))) };
    const to = at(`opened-${(count += 1)}`);
    const key = change.key === undefined ? dataKey : change.key;
    const lock = key === null ? null : { dataKey: key, blockBytes: BLOCK_BYTES };
    await openPart({ from: at('stored'), to, part: { ...part, stored }, backup: change.backup ?? BACKUP, lock });
    return readFileSync(to);
  };
  const refused = { kind: 'backup-invalid' };

  it.each([0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 7])(
    'of %i bytes comes back as it was',
    async (size) => {
      const data = randomBytes(size);
      const part = await seal(data);
      expect(part).toMatchObject(await sha256OfFile(at('raw')));
      expect(part.bytes).toBe(size);
      expect(storedOf(part)).toMatchObject(await sha256OfFile(at('stored')));
      expect((await open(part)).equals(data)).toBe(true);
    },
  );

  it('is packed before it is encrypted, and shows nothing of the data', async () => {
    const data = Buffer.alloc(1_000_000, 'a secret line of the customers\n');
    const part = await seal(data);
    expect(storedOf(part).bytes).toBeLessThan(10_000);
    expect(readFileSync(at('stored')).includes('secret')).toBe(false);
    // The same without encryption can be unpacked by anybody; this is what "not encrypted" means.
    const open1 = await seal(data, 'data/part', null);
    expect((await open(open1, { key: null })).equals(data)).toBe(true);
  });

  it.each([
    ['gzip', gzipSync],
    ['brotli', brotliCompressSync],
    ['none', (bytes: Buffer) => bytes],
  ] as const)('packed with %s is read as well', async (codec, pack) => {
    const data = randomBytes(1000);
    const part = await seal(data, 'data/part', null);
    expect(storedOf(part).codec).toBe('zstd');
    writeFileSync(at('stored'), pack(data));
    const stored = { codec, ...(await sha256OfFile(at('stored'))) };
    expect((await open({ ...part, stored }, { key: null })).equals(data)).toBe(true);
  });

  it('that is not encrypted is refused by its packing when every hash was forged to match', async () => {
    const part = await seal(Buffer.alloc(3_000_000, 'a line\n'), 'data/part', null);
    const sealed = readFileSync(at('stored'));
    const faults = {
      'cannot be unpacked': [sealed.subarray(0, -1), sealed.subarray(1), Buffer.alloc(0), Buffer.alloc(50)],
      'goes on behind its end': [Buffer.concat([sealed, Buffer.from('x')]), Buffer.concat([sealed, sealed])],
    };
    for (const [message, contents] of Object.entries(faults)) {
      for (const content of contents) {
        writeFileSync(at('stored'), content);
        await expect(open(part, { key: null })).rejects.toMatchObject({
          ...refused,
          message: `part data/part ${message}`,
        });
      }
    }
  });

  it('of another name, of another backup, or read with another key is refused', async () => {
    const part = await seal(randomBytes(100));
    await expect(open({ ...part, path: 'data/other' })).rejects.toMatchObject(refused);
    await expect(open(part, { backup: BACKUP.replace('aaaaaa', 'bbbbbb') })).rejects.toMatchObject(refused);
    await expect(open(part, { key: newDataKey() })).rejects.toMatchObject(refused);
  });

  it('with blocks cut off, exchanged, doubled or added is refused, even when every hash was forged to match', async () => {
    const part = await seal(randomBytes(4 * BLOCK_BYTES)); // random: it does not shrink, so there are four blocks and a rest
    const sealed = readFileSync(at('stored'));
    const size = BLOCK_BYTES + TAG_BYTES;
    const block = (number: number): Buffer => sealed.subarray(number * size, (number + 1) * size);
    const rest = sealed.subarray(4 * size);
    const faults: Record<string, Buffer> = {
      'the end': sealed.subarray(0, -rest.length),
      'the beginning': sealed.subarray(size),
      'one in the middle': Buffer.concat([block(0), block(2), block(3), rest]),
      exchanged: Buffer.concat([block(1), block(0), block(2), block(3), rest]),
      doubled: Buffer.concat([block(0), block(0), block(1), block(2), block(3), rest]),
      added: Buffer.concat([sealed, block(0)]),
      nothing: Buffer.alloc(0),
    };
    for (const [name, bytes] of Object.entries(faults)) {
      writeFileSync(at('stored'), bytes);
      await expect(open(part), name).rejects.toMatchObject(refused);
    }
    writeFileSync(at('stored'), sealed);
    await open(part);
  });

  it(
    'with any random fault is refused, even when every hash was forged to match',
    async () => {
      const part = await seal(randomBytes(1000));
      const sealed = readFileSync(at('stored'));
      await fc.assert(
        fc.asyncProperty(fc.nat(sealed.length - 1), fc.integer({ min: 0, max: 255 }), async (where, mask) => {
          const bytes = Buffer.from(sealed);
          bytes.writeUInt8((bytes[where] ?? 0) ^ mask, where);
          writeFileSync(at('stored'), bytes);
          if (mask === 0) truncateSync(at('stored'), where);
          await expect(open(part)).rejects.toMatchObject(refused);
        }),
        { numRuns: 50 },
      );
    },
    LIMIT_MS,
  );

  it('that is not encrypted and not as it was sealed is refused by its hashes', async () => {
    const part = await seal(randomBytes(100), 'data/part', null);
    appendFileSync(at('stored'), 'x');
    await expect(open(part, { key: null, isForged: false })).rejects.toMatchObject(refused);
  });

  it(
    'never unpacks to more than it was',
    async () => {
      const part = await seal(Buffer.alloc(5_000_000), 'data/part', null);
      await expect(open({ ...part, bytes: 1000 }, { key: null })).rejects.toMatchObject({
        message: 'part data/part unpacks to more than its 1000 bytes',
      });
      expect(statSync(at(`opened-${count}`)).size).toBeLessThanOrEqual(1000);
    },
    LIMIT_MS,
  );

  it(
    'of any size is sealed in bounded memory',
    async () => {
      const part = await seal(randomBytes(32 * 1024 * 1024));
      const before = process.memoryUsage().rss;
      await open(part);
      await seal(readFileSync(at(`opened-${count}`)));
      // The file itself was read once by this test (32 MiB); what streams need besides is a few blocks.
      expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
    },
    LIMIT_MS,
  );
});

describe('the keys', () => {
  it('are wrapped for every recipient, and for nobody else', async () => {
    const [ana, bo, eve] = [await newIdentity(), await newIdentity(), await newIdentity()];
    const dataKey = newDataKey();
    const wrapped = await wrapDataKey(BACKUP, dataKey, [ana.recipient, bo.recipient]);
    const where = 'keys.age';
    for (const { identity } of [ana, bo]) {
      expect((await unwrapDataKey(wrapped, { backup: BACKUP, identity, where })).equals(dataKey)).toBe(true);
    }
    await expect(unwrapDataKey(wrapped, { backup: BACKUP, identity: eve.identity, where })).rejects.toMatchObject({
      kind: 'not-permitted',
    });
    const other = BACKUP.replace('aaaaaa', 'bbbbbb');
    await expect(unwrapDataKey(wrapped, { backup: other, identity: ana.identity, where })).rejects.toMatchObject({
      kind: 'backup-invalid',
      message: 'the keys are those of another backup',
    });
    wrapped.writeUInt8((wrapped.at(-1) ?? 0) ^ 1, wrapped.length - 1);
    await expect(unwrapDataKey(wrapped, { backup: BACKUP, identity: ana.identity, where })).rejects.toMatchObject({
      kind: 'backup-invalid',
    });
  });

  it('have recipients in which a slip of one character is seen', async () => {
    const { recipient } = await newIdentity();
    expect(isAgeRecipient(recipient)).toBe(true);
    for (let place = 0; place < recipient.length; place += 1) {
      const other = recipient[place] === 'q' ? 'p' : 'q';
      expect(isAgeRecipient(recipient.slice(0, place) + other + recipient.slice(place + 1))).toBe(false);
    }
    expect(isAgeRecipient('')).toBe(false);
    expect(isAgeRecipient(recipient.toUpperCase())).toBe(false);
  });

  it('are read from a file with comments, and a file without one is not shown', async () => {
    const { identity } = await newIdentity();
    expect(identityIn(`# created\n${identity}\n`, 'f')).toBe(identity);
    for (const text of ['', 'hunter2', `${identity}\n${identity}`, identity.slice(0, -1)]) {
      expect(() => identityIn(text, 'f')).toThrow('it does not hold one age identity');
    }
  });

  it('sign in one spelling: whatever is changed in a signature, or in what it signs, it does not fit any more', () => {
    const key = newSigningKey();
    const bytes = Buffer.from('{"format":2}');
    const text = signatureText(key, bytes);
    expect(isSignature(text, signerOf(key), bytes)).toBe(true);
    for (let place = 0; place < text.length; place += 1) {
      const other = text[place] === '0' ? '1' : '0';
      expect(isSignature(text.slice(0, place) + other + text.slice(place + 1), signerOf(key), bytes)).toBe(false);
    }
    expect(isSignature(text.toUpperCase(), signerOf(key), bytes)).toBe(false);
    expect(isSignature(`${text}\n`, signerOf(key), bytes)).toBe(false);
    expect(isSignature(text, signerOf(newSigningKey()), bytes)).toBe(false);
    expect(isSignature(text, signerOf(key), Buffer.from('{"format":1}'))).toBe(false);
  });
});
