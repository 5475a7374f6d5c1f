import { join } from 'node:path';
import { syncDirectory } from '../../../../platform/files.ts';
import { factsOf } from '../../../../platform/file-tree.ts';
import { forPiecesOf } from '../../../../platform/file-stream.ts';
import { requireRoom } from '../../require-room.ts';
import { readText } from '../../../../platform/files.ts';
import type { Capture } from '../../store.ts';
import { invalid } from '../description.ts';
import { differenceFrom, parseManifest, walDifference, type FoundFile } from './backup-manifest.ts';
import { ARCHIVE, MANIFEST, readDescription, type Description } from './description.ts';
import { TarFault } from '../../tar/read-tar.ts';
import { createTarReader } from './tar-reader.ts';
import { readInto, type TreePlace } from './write-tree.ts';

/**
 * Reads the whole copy and compares it with the list of the server: every file by size and SHA-256, the write-ahead log complete. With a place
 * the files are written there meanwhile. Throws `backup-invalid` with the first difference.
 */
export async function openArchive(
  folder: string,
  recorded: Capture,
  { place, signal }: { place: TreePlace | null; signal: AbortSignal },
): Promise<Description> {
  const description = await readDescription(folder, recorded);
  const path = join(folder, ARCHIVE);
  const bytes = await archiveBytes(folder);
  if (place !== null) requireRoom(place.root, bytes, 'the server');
  const reader = readInto(place, () => true);
  const tar = createTarReader(reader);
  try {
    await forPiecesOf(path, async (piece) => {
      signal.throwIfAborted();
      await tar.write(piece);
    });
    tar.end();
  } catch (error) {
    if (error instanceof TarFault) throw invalid(`the copy of the server is damaged: ${error.message}`, path);
    throw error;
  } finally {
    await reader.abandon();
  }
  if (place?.isSynced === true) await syncDirectory(place.root);
  await compare(folder, description, reader.found);
  return description;
}

/** How large the copy is, and about as large the folder that it becomes. */
export async function archiveBytes(folder: string): Promise<number> {
  const path = join(folder, ARCHIVE);
  const facts = await factsOf(path);
  if (facts?.type !== 'file') throw invalid('the copy of the server is missing', path);
  return facts.bytes;
}

async function compare(folder: string, description: Description, found: Map<string, FoundFile>): Promise<void> {
  const text = (await readText(join(folder, MANIFEST))) ?? '';
  const manifest = parseManifest(Buffer.from(text, 'utf8'));
  if (manifest === null) throw invalid('the list of the server is damaged', join(folder, MANIFEST));
  const fault =
    differenceFrom(manifest, found) ??
    walDifference(manifest, found, { systemId: description.systemId, segmentBytes: description.walSegmentBytes }) ??
    otherLog(description, found);
  if (fault !== null) throw invalid(fault, join(folder, ARCHIVE));
}

/** The server lists no sums of its log; ours were taken while it came in. */
function otherLog(description: Description, found: Map<string, FoundFile>): string | null {
  for (const [path, then] of Object.entries(description.wal)) {
    const now = found.get(path);
    if (now?.bytes !== then.bytes || now.sha256 !== then.sha256) return `${path} is not what was copied`;
  }
  for (const path of found.keys())
    if (path.startsWith('pg_wal/') && description.wal[path] === undefined) return `${path} was not copied`;
  return null;
}
