import type { JsonObject } from '../../../core/release/json.ts';
import type { Effect } from '../../../platform/effect.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import type { Capture } from '../store.ts';
import { sqliteProblem, withLiveDatabase } from './connection.ts';
import { countRows, readContent } from './fingerprint.ts';

/**
 * `{ tables: { name: { captured, now } }, contentDiffers }` of the live database; only tables whose count differs. Updated rows do not show
 * in counts, so the content is compared as well where that holds nobody up: in rollback-journal mode it would, and is null.
 */
export async function countChanges(live: string, capture: Capture, effect: Effect): Promise<JsonObject> {
  if ((await factsOf(live)) === null) return { tables: {}, contentDiffers: null, missing: true };
  try {
    return await withLiveDatabase(live, effect, async (database) => {
      const [mode] = await database.all('PRAGMA journal_mode');
      const isWal = mode?.[0] === 'wal';
      if (!isWal) return { tables: differences(capture.counters, await countRows(database)), contentDiffers: null };
      await database.exec('BEGIN');
      const content = await readContent(database);
      await database.exec('COMMIT');
      const tables = differences(capture.counters, content.counters);
      return { tables, contentDiffers: content.fingerprint !== capture.fingerprint };
    });
  } catch (error) {
    throw sqliteProblem('backup-failed', 'the changes since the backup could not be counted', live, error);
  }
}

function differences(then: Record<string, number>, now: Record<string, number>): JsonObject {
  const names = [...new Set([...Object.keys(then), ...Object.keys(now)])].sort();
  const changed = names.filter((name) => then[name] !== now[name]);
  return Object.fromEntries(changed.map((name) => [name, { captured: then[name] ?? null, now: now[name] ?? null }]));
}
