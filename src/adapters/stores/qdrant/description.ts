import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { readText, sha256OfFile, writeAtomically } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import type { Capture } from '../store.ts';
import type { CollectionContent } from './content.ts';

/** One collection of a copy. */
export interface CopiedCollection extends CollectionContent {
  name: string;
  /** Name of its snapshot in the folder. */
  file: string;
  bytes: number;
  sha256: string;
  /** Digest of what it was made with. */
  parameters: string;
}

/** What the snapshots do not hold: which is which, and by which names they are used. */
export interface Description {
  format: 1;
  /** Sorted by name. */
  collections: CopiedCollection[];
  /** Sorted by alias; only of these collections. */
  aliases: { alias: string; collection: string }[];
}

const DESCRIPTION = 'qdrant.json';
const next = 'Use another backup: shipway backup list shows them.';

export async function writeDescription(folder: string, description: Description): Promise<void> {
  await writeAtomically(join(folder, DESCRIPTION), `${JSON.stringify(description)}\n`);
}

export function fingerprintOf({ collections, aliases }: Description): string {
  const hash = createHash('sha256');
  for (const { name, points, digest, parameters } of collections) {
    hash.update(`collection ${hex(name)} ${points} ${digest} ${parameters}\n`);
  }
  for (const { alias, collection } of aliases) hash.update(`alias ${hex(alias)} ${hex(collection)}\n`);
  return `qdrant-1:${hash.digest('hex')}`;
}

function hex(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex');
}

export function countersOf({ collections }: Description): Record<string, number> {
  return Object.fromEntries(collections.map(({ name, points }) => [name, points]));
}

/** The description of a copy whose files are those that were captured; throws `backup-invalid` with the first difference. */
export async function checkFiles(folder: string, recorded: Capture): Promise<Description> {
  const description = await readDescription(folder);
  for (const [name, points] of Object.entries(countersOf(description))) {
    if (recorded.counters[name] === points) continue;
    throw invalid(`${name}: ${points} points in the copy, ${recorded.counters[name]} were captured`, folder);
  }
  if (fingerprintOf(description) !== recorded.fingerprint)
    throw invalid('the content differs from what was captured', folder);
  for (const { name, file, bytes, sha256 } of description.collections) {
    const place = join(folder, file);
    if ((await factsOf(place))?.bytes !== bytes) throw invalid(`the snapshot of ${name} is missing or cut off`, place);
    if ((await sha256OfFile(place)).sha256 !== sha256) throw invalid(`the snapshot of ${name} is damaged`, place);
  }
  return description;
}

export function requireSame(
  copied: CopiedCollection,
  found: CollectionContent & { parameters: string },
  where: string,
): void {
  if (found.points !== copied.points)
    throw invalid(`${copied.name}: ${found.points} points were restored, ${copied.points} were captured`, where);
  if (found.parameters !== copied.parameters)
    throw invalid(`${copied.name}: it was restored with other parameters than it was captured with`, where);
  if (found.digest !== copied.digest)
    throw invalid(`${copied.name}: the restored points differ from those captured`, where);
}

async function readDescription(folder: string): Promise<Description> {
  try {
    const value = JSON.parse((await readText(join(folder, DESCRIPTION))) ?? '') as Description;
    const isWhole = value.format === 1 && value.collections.length > 0 && value.collections.every(isCollection);
    if (isWhole && value.aliases.every((one) => typeof one.alias === 'string' && typeof one.collection === 'string'))
      return value;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw invalid('the description of the collections is damaged', join(folder, DESCRIPTION));
}

function isCollection({ name, file, bytes, points }: CopiedCollection): boolean {
  // The file decides what is read: a name and never a path.
  return typeof name === 'string' && /^\d+\.snapshot$/.test(file) && [bytes, points].every(Number.isSafeInteger);
}

export function invalid(what: string, where: string): Error {
  return problem('backup-invalid', what, { where, next });
}
