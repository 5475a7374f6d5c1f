import { createHash } from 'node:crypto';

/** What the server says about the copy it has sent. */
export interface BackupManifest {
  /** By path; the write-ahead log is not among it. */
  files: Map<string, { bytes: number; sha256: string }>;
  walRanges: WalRange[];
}

/** What the copy needs to become consistent. */
export interface WalRange {
  timeline: number;
  /** As the server writes it: `0/2000028`. */
  startLsn: string;
  endLsn: string;
}

/** A file as it was found in an archive. */
export interface FoundFile {
  bytes: number;
  sha256: string;
  /** Of a segment of the write-ahead log: its first bytes. */
  head?: Buffer;
}

/** What cannot be seen in the manifest. */
export interface WalFacts {
  systemId: string;
  segmentBytes: number;
}

const LAST_LINE = '"Manifest-Checksum": "';

/** Null unless it is whole, by the checksum in its last line. */
export function parseManifest(bytes: Buffer): BackupManifest | null {
  const at = bytes.lastIndexOf(LAST_LINE);
  const sum = createHash('sha256').update(bytes.subarray(0, Math.max(at, 0)));
  if (at === -1 || bytes.subarray(at + LAST_LINE.length).toString('latin1') !== `${sum.digest('hex')}"}\n`) return null;
  const value = JSON.parse(bytes.toString('utf8')) as RawManifest;
  const files = new Map<string, { bytes: number; sha256: string }>();
  for (const file of value.Files) {
    const path = file.Path ?? Buffer.from(file['Encoded-Path'] ?? '', 'hex').toString('utf8');
    if (file['Checksum-Algorithm'] !== 'SHA256') return null;
    files.set(path, { bytes: file.Size, sha256: file.Checksum });
  }
  const walRanges = value['WAL-Ranges'].map((range) => ({
    timeline: range.Timeline,
    startLsn: range['Start-LSN'],
    endLsn: range['End-LSN'],
  }));
  return walRanges.length === 0 ? null : { files, walRanges };
}

interface RawManifest {
  Files: { Path?: string; 'Encoded-Path'?: string; Size: number; 'Checksum-Algorithm': string; Checksum: string }[];
  'WAL-Ranges': { Timeline: number; 'Start-LSN': string; 'End-LSN': string }[];
}

/** The first thing in which the files differ from the manifest, in words; null: all are there, and no other. */
export function differenceFrom(manifest: BackupManifest, found: ReadonlyMap<string, FoundFile>): string | null {
  for (const [path, then] of manifest.files) {
    const now = found.get(path);
    if (now === undefined) return `${path} is missing`;
    if (now.bytes !== then.bytes) return `${path} has ${now.bytes} bytes, ${then.bytes} were copied`;
    if (now.sha256 !== then.sha256) return `${path} is not what was copied`;
  }
  for (const path of found.keys())
    if (!manifest.files.has(path) && !path.startsWith('pg_wal/')) return `${path} is not in the list of the server`;
  return null;
}

/** The same of the write-ahead log: every segment from the start of the copy to its end is there, and is of this server. */
export function walDifference(
  manifest: BackupManifest,
  found: ReadonlyMap<string, FoundFile>,
  facts: WalFacts,
): string | null {
  for (const range of manifest.walRanges) {
    const size = BigInt(facts.segmentBytes);
    const [first, end] = [lsnOf(range.startLsn) / size, lsnOf(range.endLsn)];
    // An end on the border of a segment belongs to the one before.
    for (let segment = first; segment <= (end - 1n) / size; segment += 1n) {
      const path = `pg_wal/${segmentName(range.timeline, segment, size)}`;
      const file = found.get(path);
      if (file === undefined) return `${path} of the write-ahead log is missing`;
      if (file.bytes !== facts.segmentBytes) return `${path} has ${file.bytes} bytes instead of ${facts.segmentBytes}`;
      const fault = headFault(file.head, segment * size, facts);
      if (fault !== null) return `${path} ${fault}`;
    }
  }
  return null;
}

/** The head of the first page of a segment (XLogLongPageHeaderData), in the byte order of the machine. */
function headFault(head: Buffer | undefined, address: bigint, facts: WalFacts): string | null {
  if (head === undefined || head.length < WAL_HEAD_BYTES) return 'is too short';
  const isLong = (head.readUInt16LE(2) & 0x0002) !== 0;
  if (!isLong || head.readBigUInt64LE(8) !== address) return 'holds another part of the log';
  if (head.readBigUInt64LE(24) !== BigInt(facts.systemId)) return 'is of another server';
  return head.readUInt32LE(32) === facts.segmentBytes ? null : 'has segments of another size';
}

export const WAL_HEAD_BYTES = 40;

function lsnOf(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

function segmentName(timeline: number, segment: bigint, segmentBytes: bigint): string {
  const perFile = 0x100000000n / segmentBytes;
  const hex = (value: bigint): string => value.toString(16).toUpperCase().padStart(8, '0');
  return hex(BigInt(timeline)) + hex(segment / perFile) + hex(segment % perFile);
}
