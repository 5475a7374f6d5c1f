import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { readText, writeAtomically } from '../../../platform/files.ts';
import type { Content, ExpiringKeys } from './read-content.ts';
import type { FileNames } from './server-info.ts';

/** The copied data. */
export const COPY = 'dump.rdb';
const FILE = 'server.json';

/** What belongs to a copy and is not in it. */
export interface Description {
  format: 1;
  /** Whether the server kept an append-only file. */
  appendOnly: boolean;
  names: FileNames;
  mode: number;
  uid: number;
  gid: number;
  /** As they were when the copy was read for the first time: later, those whose time is over cannot be read any more. */
  expiring: ExpiringKeys[];
}

export async function writeDescription(folder: string, description: Description): Promise<void> {
  await writeAtomically(join(folder, FILE), `${JSON.stringify(description)}\n`);
}

/** Names in it become paths, so nothing but a plain name is one. */
export async function readDescription(folder: string): Promise<Description> {
  const path = join(folder, FILE);
  const text = (await readText(path)) ?? '';
  try {
    const value = JSON.parse(text) as Description;
    const { dump, appendFolder, appendFile } = value.names;
    const counts = [
      value.mode,
      value.uid,
      value.gid,
      ...value.expiring.flatMap((line) => [line.database, line.minute, line.keys]),
    ];
    const isWhole =
      value.format === 1 &&
      typeof value.appendOnly === 'boolean' &&
      [dump, appendFolder, appendFile].every((name) => /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/.test(name)) &&
      counts.every((count) => Number.isSafeInteger(count) && count >= 0) &&
      value.expiring.every(({ sum }) => /^[0-9a-f]{64}$/.test(sum));
    if (isWhole) return value;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw problem('backup-invalid', 'the description of the Redis data is damaged', {
    where: path,
    next: 'Use another backup: shipway backup list shows them.',
  });
}

/** One digest over what stays and over what was still to end when the copy was taken. */
export function fingerprintOf(content: Pick<Content, 'lasting' | 'expiring'>): string {
  const hash = createHash('sha256').update(`lasting ${content.lasting}\n`);
  for (const { database, minute, keys, sum } of content.expiring)
    hash.update(`ending ${database} ${minute} ${keys} ${sum}\n`);
  return `redis-1:${hash.digest('hex')}`;
}
