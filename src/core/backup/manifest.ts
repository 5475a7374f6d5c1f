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

/** How the bytes of a part were packed before they were encrypted. */
export const CODECS = ['none', 'gzip', 'brotli', 'zstd'] as const;
export type Codec = (typeof CODECS)[number];

/** A file as it lies in the vault. */
export interface StoredFile {
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/** One file of a backup: as the store wrote it, and as it lies in the vault. */
export interface Part extends StoredFile {
  /** Relative to the folder of the backup, `/` between names: `<store>/<file>`. */
  path: string;
  /** Left out in format 1, where parts lie in the vault as the store wrote them. */
  stored?: StoredFile & { codec: Codec };
}

/** A file that was found in a backup's folder. */
export interface FoundFile extends StoredFile {
  path: string;
}

/**
 * Data that later backups may share: they hold the same file as a hard link. What is in it is checked by the hashes in the store's own index,
 * which is encrypted: a hash of the content here would let whoever reads the manifest confirm a guess of a short file.
 */
export interface SealedObject {
  /** `<store>/objects/<name>`; the same in every backup that holds it. */
  path: string;
  /** Before it was packed. */
  bytes: number;
  /** `from`: the backup that wrote it; left out when this one did. */
  stored: StoredFile & { codec: Codec; from?: string };
}

export interface StoreManifest {
  name: string;
  kind: string;
  engine: string;
  capture: Capture;
  /** Sorted by path. */
  parts: Part[];
  /** Sorted by path. From format 3 on, and only of a store that writes objects. */
  objects?: SealedObject[];
}

/** Where the wrapped data key of an encrypted backup lies in its folder. */
export const KEYS_FILE = 'keys.age';

/** How the parts are encrypted, and for whom. */
export interface Encryption {
  cipher: 'aes-256-gcm';
  /** Bytes of a block before it is encrypted. */
  blockBytes: number;
  /** age recipients who can read the data key in `keys.age`, in the order of the release file. */
  recipients: string[];
  /** `keys.age` as it lies in the vault. */
  keys: StoredFile;
}

/** What was done to the parts after the stores wrote them. */
export interface Seal {
  /** null: compressed and signed, but readable by whoever can read the folder. */
  encryption: Encryption | null;
  /** Public key of the signature in `manifest.sig`: `ed25519:` and 64 hex digits. */
  signer: string;
  /** Bytes of all parts and objects as they lie in the vault. */
  storedBytes: number;
}

/** Where the project stands in git. */
export interface CommitFacts {
  /** Of the commit that is checked out. */
  hash: string;
  /** A tag of that commit; the first by name when it has several. */
  tag: string | null;
  /** Whether tracked files of the project differ from it. */
  changed: boolean;
}

/** Where the schema stood, and what takes it back. */
export interface SchemaFacts {
  /** The migration tool. */
  kind: string;
  /** The version whose migration files were asked. */
  version: string;
  /** The revision of the data when the backup was taken; null: the tool does not tell. */
  revision: string | null;
  /** The revision that this version goes up to; null: the tool does not tell. */
  goesTo: string | null;
  /** Why the files of the way down are not in the backup; null: they are. */
  notStored: string | null;
}

/** Which environment is in the backup. Names alone: values lie in the encrypted parts. */
export interface EnvironmentFacts {
  /** Path of the env file as the release file names it; null: there is none. */
  file: string | null;
  /** Names of the variables in the env file and of those that the service is started with, sorted. */
  names: string[];
  /** The release that started the version that ran, where it did so with another environment; null: the same, or not known. */
  startedBy: string | null;
  /** Why it is not in the backup; null: it is. */
  notStored: string | null;
}

/** What a backup knows besides the data of its stores. */
export interface BackupContext {
  /** null: the project is not in git, or git cannot be asked. */
  commit: CommitFacts | null;
  /** Fingerprint of the release file that was in force; null: not known. */
  configuration: string | null;
  /** null: no migration is declared, or no version ran whose tool could be asked. */
  migration: SchemaFacts | null;
  /** null: there is neither an env file nor a variable. */
  environment: EnvironmentFacts | null;
  /** Sorted by path. */
  parts: Part[];
}

/** What is read; the last is written. */
export const MANIFEST_FORMATS = [1, 2, 3, 4, 5] as const;
export type ManifestFormat = (typeof MANIFEST_FORMATS)[number];

/** What a backup says about itself; never changes once the backup is sealed. */
export interface Manifest {
  /** 1: plain parts, no signature. 2: with `seal`. 3: with `context`, and stores may have `objects`. 4: files say how they are cut into pieces. 5: packed with zstd. */
  format: ManifestFormat;
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
  /** From format 3 on. */
  context?: BackupContext;
  /** From format 2 on. */
  seal?: Seal;
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

/** Every part of the backup: those of its stores, and those of its context. Objects are not among them. */
export function partsOf({ stores, context }: Pick<Manifest, 'stores' | 'context'>): Part[] {
  return [...stores.flatMap((store) => store.parts), ...(context?.parts ?? [])];
}

export function objectsOf(store: Pick<StoreManifest, 'objects'>): SealedObject[] {
  return store.objects ?? [];
}

/** Files and bytes over all parts and objects. */
export function totalsOf(manifest: Pick<Manifest, 'stores' | 'context'>): Manifest['totals'] {
  const files = [...partsOf(manifest), ...manifest.stores.flatMap(objectsOf)];
  return { files: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
}

/** The file that a part is in the vault. */
export function storedOf(part: Part): StoredFile & { codec: Codec } {
  return part.stored ?? { codec: 'none', bytes: part.bytes, sha256: part.sha256 };
}

/** Bytes of all parts and objects as they lie in the vault. */
export function storedBytesOf(manifest: Pick<Manifest, 'stores' | 'context'>): number {
  const ofParts = partsOf(manifest).reduce((sum, part) => sum + storedOf(part).bytes, 0);
  return manifest.stores.flatMap(objectsOf).reduce((sum, { stored }) => sum + stored.bytes, ofParts);
}

/** Bytes of the objects that a backup before this one wrote: on the disk once, however many backups hold them. */
export function sharedBytesOf(stores: readonly StoreManifest[]): number {
  const shared = stores.flatMap(objectsOf).filter(({ stored }) => stored.from !== undefined);
  return shared.reduce((sum, { stored }) => sum + stored.bytes, 0);
}

/** Who can read the backup: the recipients of its key; none when it is not encrypted. */
export function recipientsOf({ seal }: Pick<Manifest, 'seal'>): string[] {
  return seal?.encryption?.recipients ?? [];
}

/** Every file that lies in the folder of the backup besides the manifest and its signature. */
export function sealedFiles(manifest: Manifest): FoundFile[] {
  const keys = manifest.seal?.encryption?.keys;
  const files = partsOf(manifest).map((part) => ({ path: part.path, ...sizeAndHash(storedOf(part)) }));
  const objects = manifest.stores.flatMap(objectsOf).map(({ path, stored }) => ({ path, ...sizeAndHash(stored) }));
  const wrapped = keys === undefined ? [] : [{ path: KEYS_FILE, ...sizeAndHash(keys) }];
  return [...files, ...objects, ...wrapped];
}

function sizeAndHash({ bytes, sha256 }: StoredFile): StoredFile {
  return { bytes, sha256 };
}

/** Milliseconds between the first and the last moment the stores are consistent for. */
export function consistencyWindowMs(stores: readonly StoreManifest[]): number {
  const moments = stores.map((store) => Date.parse(store.capture.consistentAt));
  return moments.length === 0 ? 0 : Math.max(...moments) - Math.min(...moments);
}

/** The earliest moment that one of the stores is of: what was written after it may not be in the backup, however long it was written and checked. */
export function consistentAtOf({ stores, createdAt }: Pick<Manifest, 'stores' | 'createdAt'>): string {
  const moments = stores.map((store) => store.capture.consistentAt);
  return moments.reduce(
    (first, one) => (Date.parse(one) < Date.parse(first) ? one : first),
    moments[0] ?? createdAt.start,
  );
}

/** Size of the live data that was captured, over all stores. */
export function liveBytesOf({ stores }: Pick<Manifest, 'stores'>): number {
  return stores.reduce((sum, store) => sum + store.capture.liveBytes, 0);
}

/** Whether the data is less than half of what it was a backup before: a person has to look before such a backup counts as good. */
export function hasShrunk(bytesBefore: number, bytesNow: number): boolean {
  return bytesNow * 2 < bytesBefore;
}
