import { removeTree } from '../../../platform/files.ts';
import { factsOf, openForReading } from '../../../platform/file-tree.ts';
import type { Effect } from '../../../platform/effect.ts';
import { COMPANIONS } from './companions.ts';
import { isBusy, withDatabase } from './connection.ts';

/**
 * Folds the write-ahead log (or a journal left by a killed writer) into the database file, so that the file alone is the whole data and
 * can be replaced by one rename. Where that is not possible (damaged, in use) nothing is lost: the files are moved together instead.
 */
export async function settleDatabase(path: string, role: 'live' | 'incoming', effect: Effect): Promise<void> {
  if ((await factsOf(path)) === null) return;
  try {
    if ((await sizeOf(`${path}-wal`)) > 0 || (await sizeOf(`${path}-journal`)) > 0) {
      if (await beginsLikeDatabase(path)) await foldIn(path);
    }
  } catch (error) {
    const why = isBusy(error) ? 'it is in use' : error instanceof Error ? error.message : String(error);
    effect.report(`${path}: its write-ahead log is kept beside it (${why})`);
  }
  if (role === 'live' || (await sizeOf(`${path}-wal`)) > 0 || (await sizeOf(`${path}-journal`)) > 0) return;
  // Without content they say nothing, but have to be moved one by one; SQLite makes new ones.
  for (const ending of COMPANIONS) await removeTree(path + ending);
}

/** Of a file that is no database any more, SQLite would delete the log on closing: what a person could still rescue data from. */
async function beginsLikeDatabase(path: string): Promise<boolean> {
  const magic = Buffer.from('SQLite format 3\0');
  const file = await openForReading(path);
  try {
    const head = Buffer.alloc(magic.length);
    return (await file.read(head, 0)) === magic.length && head.equals(magic);
  } finally {
    await file.close();
  }
}

async function foldIn(path: string): Promise<void> {
  await withDatabase(path, 'repair', async (database) => {
    await database.exec('SELECT count(*) FROM sqlite_schema'); // rolls back what a killed writer left
    await database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  });
}

async function sizeOf(path: string): Promise<number> {
  return (await factsOf(path))?.bytes ?? 0;
}
