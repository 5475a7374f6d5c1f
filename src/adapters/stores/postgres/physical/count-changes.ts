import type { JsonObject } from '../../../../core/release/json.ts';
import type { Effect } from '../../../../platform/effect.ts';
import { exists } from '../../../../platform/files.ts';
import type { Capture } from '../../store.ts';
import { countersOf, fingerprintOf, formatOf, readCluster, requestsAt } from './cluster-content.ts';
import type { LocatedServer } from './live-server.ts';

const FAILURE = { kind: 'backup-failed', what: 'the changes since the backup could not be counted' } as const;

/** `{ tables: { 'database: table': { captured, now } }, contentDiffers }` of all databases; only tables whose count differs. */
export async function countClusterChanges(
  server: LocatedServer,
  capture: Capture,
  effect: Effect,
): Promise<JsonObject> {
  const { address, directory } = server;
  if (directory !== null && !exists(directory)) return { tables: {}, contentDiffers: null, missing: true };
  const format = formatOf(capture.fingerprint);
  const content = await readCluster(requestsAt(address, effect, FAILURE), address.database, { of: 'live', format });
  const [then, now] = [capture.counters, countersOf(content)];
  const changed = [...new Set([...Object.keys(then), ...Object.keys(now)])].filter((name) => then[name] !== now[name]);
  const tables = changed
    .sort()
    .map((name) => [name, { captured: then[name] ?? null, now: now[name] ?? null }] as const);
  return { tables: Object.fromEntries(tables), contentDiffers: fingerprintOf(content, format) !== capture.fingerprint };
}
