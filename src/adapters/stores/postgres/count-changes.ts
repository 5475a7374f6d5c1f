import type { JsonObject } from '../../../core/release/json.ts';
import type { Effect } from '../../../platform/effect.ts';
import { errorCode } from '../../../platform/error-code.ts';
import type { Capture } from '../store.ts';
import { countersOf, countTable, fingerprintOf, formatOf, readContent, resolveExcluded } from './content.ts';
import type { LiveDatabase } from './probe-server.ts';
import { withSession } from './session.ts';

/**
 * `{ tables: { name: { captured, now } }, contentDiffers }` of the live database; only tables whose count differs. Updated rows do not show in
 * counts, so all rows are read and compared as a whole. `notInBackup`: rows by table that no backup holds; a restore would leave them behind.
 */
export async function countChanges(live: LiveDatabase, capture: Capture, effect: Effect): Promise<JsonObject> {
  const { address } = live.tools;
  const failure = { kind: 'backup-failed', what: 'the changes since the backup could not be counted' } as const;
  try {
    return await withSession({ address, effect, failure }, async (session) => {
      await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      const excluded = await resolveExcluded(session, live.excludedTables, address.database);
      const format = formatOf(capture.fingerprint);
      const content = await readContent(session, excluded, format);
      const notInBackup: JsonObject = {};
      for (const name of excluded) notInBackup[name] = await countTable(session, name);
      return {
        tables: differences(capture.counters, countersOf(content)),
        contentDiffers: fingerprintOf(content, format) !== capture.fingerprint,
        ...(excluded.length === 0 ? {} : { notInBackup }),
      };
    });
  } catch (error) {
    if (error instanceof Error && errorCode(error.cause) === '3D000')
      return { tables: {}, contentDiffers: null, missing: true };
    throw error;
  }
}

function differences(then: Record<string, number>, now: Record<string, number>): JsonObject {
  const names = [...new Set([...Object.keys(then), ...Object.keys(now)])].sort();
  const changed = names.filter((name) => then[name] !== now[name]);
  return Object.fromEntries(changed.map((name) => [name, { captured: then[name] ?? null, now: now[name] ?? null }]));
}
