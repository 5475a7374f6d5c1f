import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { callbackify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { inBlocks } from './blocks.ts';
import { foundIn, measureFrame, UnpackFault } from './zstd-frame.ts';
import { FRAME_BYTES, FRAME_BYTES_MAX, packFrames, unpackFrames } from './zstd-stream.ts';
import { chooseZstd, zstdHere, type PackFrame, type UnpackFrame } from './zstd.ts';

const TEXT = Buffer.alloc(2 * FRAME_BYTES + 12_345, 'a line of the customers, and another one\n');

describe('zstd', () => {
  const here = async (): Promise<{ pack: PackFrame; unpack: UnpackFrame }> => {
    const { pack, unpack } = await zstdHere();
    if (pack === null) throw new Error('the addon is not here: npm ci installs it');
    return { pack, unpack };
  };
  const collected = async (source: AsyncIterable<Buffer>): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of source) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  const packed = async (raw: Buffer): Promise<Buffer> => collected(packFrames((await here()).pack)([raw]));
  /** As they come from the disk: not where the frames end. */
  const unpacked = async (bytes: Buffer, { bytesMax, chunk = 1000 }: { bytesMax: number; chunk?: number }) =>
    collected(unpackFrames((await here()).unpack, bytesMax)(cut(bytes, chunk)));
  async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
    for await (const { block } of inBlocks([bytes], size)) yield block;
  }
  /** A frame in the form of backups, of blocks that are given; runs say their length and take a byte. */
  const frame = (bytes: number, blocks: { type: 0 | 1 | 2 | 3; size: number; content: Buffer }[]): Buffer => {
    const header = Buffer.from('28b52ffda000000000', 'hex');
    header.writeUInt32LE(bytes, 5);
    const parts = blocks.map(({ type, size, content }, index) => {
      const head = Buffer.alloc(3);
      head.writeUIntLE((size << 3) | (type << 1) | (index === blocks.length - 1 ? 1 : 0), 0, 3);
      return Buffer.concat([head, content]);
    });
    return Buffer.concat([header, ...parts]);
  };
  const run = { type: 1 as const, size: 128 * 1024, content: Buffer.from('x') };

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['a byte', Buffer.from('x')],
    ['random bytes of a whole frame', randomBytes(FRAME_BYTES)],
    ['text of several frames', TEXT],
  ])('packs %s and unpacks it again, in whatever pieces it comes', async (_what, raw) => {
    const bytes = await packed(raw);
    for (const chunk of [7777, bytes.length + 1])
      expect((await unpacked(bytes, { bytesMax: raw.length, chunk })).equals(raw)).toBe(true);
  });

  it('packs in the one form of frames, which says what each unpacks to', async () => {
    const bytes = await packed(TEXT);
    const sizes: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const facts = measureFrame(foundIn(bytes.subarray(at)), FRAME_BYTES_MAX);
      expect(bytes.subarray(at, at + 5).toString('hex')).toBe('28b52ffda0');
      sizes.push(facts?.bytes ?? -1);
      at += facts?.end ?? bytes.length;
    }
    expect(sizes).toEqual([FRAME_BYTES, FRAME_BYTES, 12_345]);
  });

  const program = spawnSync('zstd', ['--version']).status === 0;
  it.skipIf(!program)('packs what the program zstd unpacks (skipped where it is not installed)', async () => {
    for (const raw of [TEXT, randomBytes(300_000), Buffer.alloc(0)]) {
      const found = spawnSync('zstd', ['-dc'], { input: await packed(raw), maxBuffer: TEXT.length + 1 });
      expect(found.stdout.equals(raw)).toBe(true);
    }
  });

  it.each([
    ['says that it unpacks to more than the part has', frame(FRAME_BYTES_MAX, [run]), 'content'],
    ['says that it unpacks to 4 GiB', frame(0xffffffff, [run]), 'content'],
    ['hides more in runs than it says', frame(100, [run, run, run]), null],
    [
      'hides a thousand runs',
      frame(
        FRAME_BYTES,
        Array.from({ length: 1000 }, () => run),
      ),
      null,
    ],
    ['does not say its size', Buffer.from('28b52ffd005809000068', 'hex'), null],
    ['has a checksum', Buffer.from('28b52ffda40000000001000000000000', 'hex'), null],
    ['has a block of a kind that is not known', frame(10, [{ type: 3, size: 10, content: randomBytes(10) }]), null],
    ['is empty, again and again', Buffer.concat([frame(0, [{ type: 0, size: 0, content: Buffer.alloc(0) }])]), null],
  ])('does not begin to unpack what %s', async (_what, bytes, tooMuch) => {
    const unpack = vi.fn<UnpackFrame>(() => Promise.resolve(Buffer.alloc(0)));
    const fault: unknown = await collected(unpackFrames(unpack, 2 * FRAME_BYTES)([bytes])).catch((error) => error);
    expect(fault).toBeInstanceOf(UnpackFault);
    expect(fault).toMatchObject({ tooMuch });
    expect(unpack).not.toHaveBeenCalled();
  });

  it('unpacks nothing of a frame whose blocks give more than it says', async () => {
    const liar = frame(100, [{ type: 1, size: 101, content: Buffer.from('x') }]);
    await expect(unpacked(liar, { bytesMax: 1000 })).rejects.toBeInstanceOf(UnpackFault);
  });

  it('refuses what is cut off anywhere, and what goes on behind its end', async () => {
    const bytes = await packed(TEXT);
    const bytesMax = TEXT.length;
    for (const length of [0, 1, 8, 9, 11, 50, bytes.length - 1]) {
      const cutOff = unpacked(bytes.subarray(0, length), { bytesMax }).then((raw) => raw.length);
      await expect(cutOff, `${length}`).rejects.toBeInstanceOf(UnpackFault);
    }
    const more = Buffer.concat([bytes, Buffer.from([0])]);
    await expect(unpacked(more, { bytesMax })).rejects.toMatchObject({ tooMuch: 'bytes' });
  });

  it('is left out for packing where there is no addon, and unpacked by zlib where zlib can', async () => {
    const { unpack: addon } = await here();
    const zstdDecompress = callbackify((content: Buffer, limit: { maxOutputLength: number }) =>
      addon(content, limit.maxOutputLength),
    );
    const { pack, unpack } = chooseZstd(null, { zstdDecompress });
    expect(pack).toBeNull();
    const bytes = await packed(TEXT.subarray(0, 1000));
    expect((await unpack(bytes, 1000)).equals(TEXT.subarray(0, 1000))).toBe(true);
    await expect(unpack(randomBytes(100), 1000)).rejects.toBeInstanceOf(UnpackFault);
  });

  it('is refused with the way out where nothing unpacks it', async () => {
    const { pack, unpack } = chooseZstd(null, {});
    expect(pack).toBeNull();
    await expect(unpack(Buffer.alloc(9), 1)).rejects.toMatchObject({
      kind: 'refused',
      message: 'it is packed with zstd, and nothing here unpacks that',
    });
  });
});
