import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, readText, sha256OfFile, writeAtomically } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';
import { requireRoom } from '../require-room.ts';
import { pathOf, type QdrantServer } from './client.ts';
import type { CopiedCollection } from './description.ts';

const FORGET_MS = 86_400_000; // a snapshot that nobody saw within a day was never made

/** One snapshot that we asked a server for; on our disk before it is on the server's. */
interface Asked {
  collection: string;
  /** What was there before, so that ours can be told when its name was never heard. */
  before: string[];
  name: string | null;
  atMs: number;
}

/** What the server says about a snapshot; the checksum is missing on old servers. */
interface SnapshotFacts {
  name: string;
  size: number;
  checksum?: string | null;
}

/** Where is noted what we left on a server. */
export interface SnapshotNotes {
  server: QdrantServer;
  /** A folder of this store. */
  folder: string;
}

/** Lets the server make a snapshot, takes it here, compares it, and removes it there. */
export async function takeSnapshot(
  notes: SnapshotNotes,
  collection: string,
  { folder, file }: { folder: string; file: string },
  effect: Effect,
): Promise<Pick<CopiedCollection, 'name' | 'file' | 'bytes' | 'sha256'>> {
  const { server } = notes;
  const asked: Asked = {
    collection,
    before: await namesOf(server, collection),
    name: null,
    atMs: effect.clock.nowMs(),
  };
  await note(notes, [...(await readNotes(notes)), asked]);
  const made = (await server.call('POST', pathOf(collection, '/snapshots?wait=true'))) as SnapshotFacts;
  await gap('stores.qdrant.snapshot.made');
  asked.name = made.name;
  await note(notes, [...(await readNotes(notes)).filter((one) => one.collection !== collection), asked]);
  try {
    requireRoom(folder, made.size, `the snapshot of ${collection}`);
    const place = join(folder, file);
    await server.download(pathOf(collection, `/snapshots/${encodeURIComponent(made.name)}`), place);
    await gap('stores.qdrant.snapshot.taken');
    const { sha256, bytes } = await sha256OfFile(place);
    const promised = made.checksum ?? sha256;
    if (bytes === 0 || bytes !== made.size || sha256 !== promised) throw notWhole(collection, server, { made, bytes });
    return { name: collection, file, bytes, sha256 };
  } finally {
    await removeLeftovers(notes, { ...effect, signal: new AbortController().signal });
  }
}

function notWhole(
  collection: string,
  server: QdrantServer,
  { made, bytes }: { made: SnapshotFacts; bytes: number },
): Error {
  const what =
    bytes === made.size
      ? 'has another checksum than the server says'
      : `has ${bytes} bytes, the server says ${made.size}`;
  return problem('backup-failed', `the snapshot of ${collection} ${what}`, {
    where: server.shown,
    next: 'Try again; look at the network and at the disk of the server.',
    retry: true,
  });
}

/** Removes the snapshots that we asked for and that are still on the server: those of an attempt that was killed, too. */
export async function removeLeftovers(notes: SnapshotNotes, effect: Effect): Promise<void> {
  const left: Asked[] = [];
  for (const asked of await readNotes(notes)) if (!(await removeAsked(notes.server, asked, effect))) left.push(asked);
  await note(notes, left);
}

/** Whether nothing is left of it. */
async function removeAsked(server: QdrantServer, asked: Asked, effect: Effect): Promise<boolean> {
  const now = await namesOf(server, asked.collection);
  const since = now.filter((name) => (asked.name === null ? !asked.before.includes(name) : name === asked.name));
  const [ours] = since;
  if (ours === undefined) {
    // We were killed before the server answered: it may still be at work.
    return asked.name !== null || effect.clock.nowMs() - asked.atMs > FORGET_MS;
  }
  if (since.length > 1) {
    effect.report(
      `one of these snapshots of ${asked.collection} may be left by an attempt that was killed: ${since.join(', ')}`,
    );
    return true;
  }
  await server.call('DELETE', pathOf(asked.collection, `/snapshots/${encodeURIComponent(ours)}?wait=true`));
  return true;
}

async function namesOf(server: QdrantServer, collection: string): Promise<string[]> {
  const found = (await server.find(pathOf(collection, '/snapshots'))) as SnapshotFacts[] | null;
  return (found ?? []).map(({ name }) => name);
}

function notePath({ folder }: SnapshotNotes): string {
  return join(folder, 'snapshots.json');
}

async function readNotes(notes: SnapshotNotes): Promise<Asked[]> {
  const text = await readText(notePath(notes));
  return text === null ? [] : (JSON.parse(text) as Asked[]);
}

async function note(notes: SnapshotNotes, asked: readonly Asked[]): Promise<void> {
  if (asked.length === 0 && (await factsOf(notePath(notes))) === null) return;
  await ensureDirectory(notes.folder);
  await writeAtomically(notePath(notes), `${JSON.stringify(asked)}\n`);
}
