import zlib from 'node:zlib';
import { problem } from '../../../core/release/problem.ts';
import { headerOf, UnpackFault } from './zstd-frame.ts';

/** Packs one frame; what it gives is to be written one after the other. */
export type PackFrame = (raw: Buffer) => Promise<Buffer[]>;

/** Unpacks one frame of which it is known that it gives so many bytes. */
export type UnpackFrame = (frame: Buffer, bytes: number) => Promise<Buffer>;

export interface Zstd {
  /** null: nothing here packs with zstd. */
  pack: PackFrame | null;
  /** Throws `refused` when nothing here unpacks it. */
  unpack: UnpackFrame;
}

/** The addon as far as it is used. Both run in other threads. */
interface Addon {
  Encoder: new (level: number) => { encode(raw: Buffer): Promise<Buffer> };
  Decoder: new () => { decode(frame: Buffer): Promise<Buffer> };
}

type Unpacked = (error: Error | null, raw: Buffer) => void;

/** From Node 22.15 on zlib has it. */
interface ZlibWithZstd {
  zstdDecompress?: (frame: Buffer, options: { maxOutputLength: number }, done: Unpacked) => void;
}

/** Measured: docs/decisions/2026-11-22-backups-are-packed-with-zstd.md. */
const LEVEL = 1;

let loaded: Promise<Zstd> | null = null;

/** What packs and unpacks here; looked for once, and again where there was none: somebody may just have been installing it. */
export function zstdHere(): Promise<Zstd> {
  loaded ??= loadAddon().then((addon) => {
    if (addon === null) loaded = null;
    return chooseZstd(addon, zlib as ZlibWithZstd);
  });
  return loaded;
}

/** null: there is none for this machine, or it was left out when shipway was installed. */
async function loadAddon(): Promise<Addon | null> {
  const report = process.report as typeof process.report & { excludeNetwork: boolean };
  const { excludeNetwork } = report;
  // It asks the report of Node which C library is here, and a report would look up the name of everybody we are connected to.
  report.excludeNetwork = true;
  try {
    return (await import('@toondepauw/node-zstd')) as Addon;
  } catch {
    return null;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/** The addon for both ways; without it Node's own for what was packed elsewhere. */
export function chooseZstd(addon: Addon | null, { zstdDecompress }: ZlibWithZstd): Zstd {
  if (addon !== null) {
    const encoder = new addon.Encoder(LEVEL);
    const decoder = new addon.Decoder();
    return {
      pack: async (raw) => withSize(await encoder.encode(raw), raw.length),
      unpack: guarded((frame) => decoder.decode(frame)),
    };
  }
  if (zstdDecompress === undefined) return { pack: null, unpack: () => Promise.reject(noZstd()) };
  const unpack = (frame: Buffer, bytes: number): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const done: Unpacked = (error, raw) => (error === null ? resolve(raw) : reject(error));
      zstdDecompress(frame, { maxOutputLength: Math.max(1, bytes) }, done);
    });
  return { pack: null, unpack: guarded(unpack) };
}

function withSize(frame: Buffer, bytes: number): Buffer[] {
  const { header, blocksAt } = headerOf(frame, bytes);
  return [header, frame.subarray(blocksAt)];
}

function guarded(unpack: UnpackFrame): UnpackFrame {
  return async (frame, bytes) => {
    const raw = await unpack(frame, bytes).catch((error: unknown) => {
      throw new UnpackFault('a frame that is damaged', { cause: error });
    });
    if (raw.length === bytes) return raw;
    throw new UnpackFault('a frame of another size');
  };
}

function noZstd(): Error {
  return problem('refused', 'it is packed with zstd, and nothing here unpacks that', {
    where: `Node ${process.version} on ${process.platform} ${process.arch}`,
    next: 'Use Node 22.15 or later, or install shipway with its optional packages (npm install --include=optional).',
  });
}
