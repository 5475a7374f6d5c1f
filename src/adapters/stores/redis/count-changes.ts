import type { JsonObject } from '../../../core/release/json.ts';
import type { Effect } from '../../../platform/effect.ts';
import type { Capture } from '../store.ts';
import { withRedis, type RedisConnection } from './connection.ts';
import { count, countersOf, newCounts } from './count-keys.ts';
import type { RedisAddress } from './redis-address.ts';
import { readInfo, readKeyspace } from './server-info.ts';
import { walkKeys } from './walk-keys.ts';

/**
 * Every count that differs, as `{ "db0 user:*": { captured, now } }`. Changed values do not show in counts, and to read them all would load
 * a live server for nothing but a hint; whether anything was written since its last save is what it can tell.
 * Throws when there is no server: its data lies in files that are whole, and is not gone.
 */
export async function countChanges(address: RedisAddress, recorded: Capture, effect: Effect): Promise<JsonObject> {
  return withRedis(address, effect, async (connection) => {
    const persistence = await readInfo(connection, 'persistence');
    const now = await countLive(connection);
    const names = [...new Set([...Object.keys(recorded.counters), ...Object.keys(now)])].sort();
    const changed = names
      .filter((name) => (recorded.counters[name] ?? 0) !== (now[name] ?? 0))
      .map((name) => [name, { captured: recorded.counters[name] ?? 0, now: now[name] ?? 0 }]);
    const isWritten = Number(persistence.get('rdb_changes_since_last_save') ?? 0) > 0;
    return { ...(Object.fromEntries(changed) as JsonObject), contentDiffers: isWritten ? true : null };
  });
}

async function countLive(connection: RedisConnection): Promise<Record<string, number>> {
  const counters: Record<string, number> = {};
  for (const { database, keys, expiring } of await readKeyspace(connection)) {
    counters[`db${database} keys`] = keys;
    counters[`db${database} keys with an end`] = expiring;
    const counts = newCounts();
    for await (const page of walkKeys(connection, database)) {
      const looks = await Promise.all(page.map((key) => lookAt(connection, key)));
      for (const { key, type, stays } of looks) if (stays) count(counts, key, type);
    }
    Object.assign(counters, countersOf(database, counts));
  }
  return counters;
}

async function lookAt(
  connection: RedisConnection,
  key: Buffer,
): Promise<{ key: Buffer; type: string; stays: boolean }> {
  const [type, left] = await Promise.all([connection.call('TYPE', key), connection.call('PTTL', key)]);
  return { key, type: String(type), stays: Number(left) === -1 };
}
