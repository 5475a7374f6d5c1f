import { join } from 'node:path';
import { exists, readText, writeAtomically } from '../../../../platform/files.ts';
import type { Capture } from '../../store.ts';
import { invalid, requireCaptured } from '../description.ts';
import { countersOf, fingerprintOf, type ClusterContent, type ClusterFormat } from './cluster-content.ts';

/** The data directory as the server sent it. */
export const ARCHIVE = 'base.tar';
/** The server's own list of what it sent. */
export const MANIFEST = 'backup_manifest';
const DESCRIPTION = 'cluster.json';

/** What belongs to a copy and is in neither of the two. */
export interface Description {
  format: ClusterFormat;
  serverVersion: string;
  systemId: string;
  startLsn: string;
  endLsn: string;
  walSegmentBytes: number;
  /** The role that exists in every copy. */
  superuser: string;
  /** A copy with prepared transactions starts only where as many are allowed. */
  preparedMax: number;
  /** Of the live data directory, as far as it could be seen. */
  owner: { uid: number; gid: number; mode: number } | null;
  /** Of the write-ahead log, by path; the list of the server leaves it out. */
  wal: Record<string, { bytes: number; sha256: string }>;
  content: ClusterContent;
}

/** Whether the copy was taken of the files of a server. */
export function isPhysicalCopy(folder: string): boolean {
  return [DESCRIPTION, ARCHIVE].some((name) => exists(join(folder, name)));
}

export const majorOf = ({ serverVersion }: Description): number => Number.parseInt(serverVersion, 10);

export async function writeDescription(folder: string, description: Description): Promise<void> {
  await writeAtomically(join(folder, DESCRIPTION), `${JSON.stringify(description)}\n`);
}

/** Throws `backup-invalid` unless it is whole and belongs to the capture: its content gives the captured fingerprint and counts. */
export async function readDescription(folder: string, recorded: Capture): Promise<Description> {
  const path = join(folder, DESCRIPTION);
  const description = parse((await readText(path)) ?? '', path);
  const { content, format } = description;
  requireCaptured({ counters: countersOf(content), fingerprint: fingerprintOf(content, format) }, recorded, path);
  return description;
}

function parse(text: string, path: string): Description {
  try {
    const value = JSON.parse(text) as Description;
    const { globals, databases, closed } = value.content;
    const isWhole =
      [1, 2].includes(value.format) &&
      [globals, databases, closed].every(Array.isArray) &&
      databases.every(({ name, content }) => typeof name === 'string' && Array.isArray(content.tables)) &&
      [value.walSegmentBytes, value.preparedMax].every(Number.isSafeInteger) &&
      /^\d+$/.test(value.systemId) &&
      typeof value.superuser === 'string' &&
      (value.owner === null || [value.owner.uid, value.owner.gid, value.owner.mode].every(Number.isSafeInteger));
    if (isWhole) return value;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw invalid('the description of the server is damaged', path);
}
