import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { BackupReason } from './backup-id.ts';

/** What a capture produced, and what a later check compares with. */
export interface Capture {
  /** Engine and version that wrote the copy, e.g. `sqlite 3.45.1`. */
  engine: string;
  /** The moment the copy is consistent for, RFC 3339. */
  consistentAt: string;
  /** Size of the live data in bytes when it was captured. */
  liveBytes: number;
  /** Counts that a restored copy must show again: rows per table, files, bytes. */
  counters: Record<string, number>;
  /** Digest over the content (not over the file bytes), equal for equal data. */
  fingerprint: string;
}

/** One file of a backup. */
export interface Part {
  /** Relative to the folder of the backup, `/` between names: `<store>/<file>`. */
  path: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

export interface StoreManifest {
  name: string;
  kind: string;
  engine: string;
  capture: Capture;
  /** Sorted by path. */
  parts: Part[];
}

/** What a backup says about itself; never changes once the backup is sealed. */
export interface Manifest {
  format: 1;
  id: string;
  service: string;
  environment: string;
  reason: BackupReason;
  /** The release it was taken for, or null. */
  release: string | null;
  /** The version that ran when it was taken, or null when none did. */
  version: string | null;
  createdAt: { start: string; end: string };
  /** Between the first and the last store's moment of consistency: how far apart the stores may be from each other. */
  consistencyWindowMs: number;
  /** Program and version that wrote it. */
  tool: string;
  stores: StoreManifest[];
  /** SHA-256 of the manifest of the backup before, of the same service and environment; null for the first. */
  previous: string | null;
  totals: { files: number; bytes: number };
}

/** The canonical bytes (RFC 8785, no line end): equal manifests give equal bytes, and nothing else is a sealed manifest. */
export function manifestBytes(manifest: Manifest): Buffer {
  const text = canonicalize(manifest);
  if (text === undefined) throw new Error('a manifest is an object and always has a canonical form');
  return Buffer.from(text, 'utf8');
}

/** Lower-case hex of the canonical bytes; what the next manifest and the journal keep. */
export function manifestSha256(manifest: Manifest): string {
  return createHash('sha256').update(manifestBytes(manifest)).digest('hex');
}

/** Files and bytes over all stores. */
export function totalsOf(stores: readonly StoreManifest[]): Manifest['totals'] {
  const parts = stores.flatMap((store) => store.parts);
  return { files: parts.length, bytes: parts.reduce((sum, part) => sum + part.bytes, 0) };
}

/** Milliseconds between the first and the last moment the stores are consistent for. */
export function consistencyWindowMs(stores: readonly StoreManifest[]): number {
  const moments = stores.map((store) => Date.parse(store.capture.consistentAt));
  return moments.length === 0 ? 0 : Math.max(...moments) - Math.min(...moments);
}

/** Size of the live data that was captured, over all stores. */
export function liveBytesOf({ stores }: Pick<Manifest, 'stores'>): number {
  return stores.reduce((sum, store) => sum + store.capture.liveBytes, 0);
}

/** Whether the data is less than half of what it was a backup before: a person has to look before such a backup counts as good. */
export function hasShrunk(bytesBefore: number, bytesNow: number): boolean {
  return bytesNow * 2 < bytesBefore;
}
