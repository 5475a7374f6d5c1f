import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { JsonObject } from '../../../core/release/json.ts';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { copyFileSynced, readText, writeAtomically } from '../../../platform/files.ts';
import type { ProvenCopy, Store } from '../store.ts';
import { saysDown, withRedis } from './connection.ts';
import type { LocatedServer } from './located-server.ts';
import { redisMaintenance } from './maintain-server.ts';
import { serveCopies } from './serve-copy.ts';
import { engineOf, readInfo } from './server-info.ts';

const NOTE = 'cache.json';
const TEXT = '{"format":1,"copied":false}\n';
const FINGERPRINT = 'redis-cache-1';

/**
 * A cache that is not copied. What it holds was computed from data that a restore takes away, so the restore empties it (the database of
 * the url alone). That cannot be undone, and need not be: whatever is missing is computed again.
 */
export function openEmptiedCache(locate: (effect: Effect) => Promise<LocatedServer>): Store {
  const engine = async (effect: Effect): Promise<string> => {
    try {
      return await withRedis((await locate(effect)).address, effect, async (connection) =>
        engineOf(await readInfo(connection, 'server')),
      );
    } catch (error) {
      if (saysDown(error)) return 'redis, not running'; // nothing of it is needed for a backup
      throw error;
    }
  };
  return {
    kind: 'redis',
    maintenance: redisMaintenance(locate),
    probe: async (effect) => ({ engine: await engine(effect), bytes: 0 }),
    async capture(folder, effect) {
      effect.signal.throwIfAborted();
      const consistentAt = timestamp(effect.clock.nowMs());
      await writeAtomically(join(folder, NOTE), TEXT);
      return { engine: await engine(effect), consistentAt, liveBytes: 0, counters: {}, fingerprint: FINGERPRINT };
    },
    verify,
    async extract(folder, _recorded, into) {
      await verify(folder);
      await copyFileSynced(join(folder, NOTE), join(into, NOTE));
    },
    prove,
    async stage(folder, _recorded, _tag, effect) {
      await verify(folder);
      return { place: (await locate(effect)).address.shown };
    },
    unstage: () => Promise.resolve(),
    async swap(_staged, effect) {
      const { address } = await locate(effect);
      await withRedis(address, effect, (connection) => connection.call('FLUSHDB'));
      effect.report(
        `${address.shown}: the cache was emptied, because what it held belongs to the data that was replaced`,
      );
      return { keptAt: null };
    },
    recordOf: () => ({ keptAt: null }),
    swapBack: () => Promise.resolve(),
    discard: () => Promise.resolve(),
    replaced: () => Promise.resolve([]),
    changesSince: async (_recorded, effect) => countKeys(await locate(effect), effect),
    // Empty, as a restore leaves it.
    serving: serveCopies(locate, { place: verify, check: () => Promise.resolve() }),
  };
}

async function prove(folder: string): Promise<ProvenCopy> {
  await verify(folder);
  const notChecked = ['the data of the cache: no backup holds it'];
  return { checked: ['the note that this cache is not copied'], notChecked };
}

async function verify(folder: string): Promise<void> {
  if ((await readText(join(folder, NOTE))) === TEXT) return;
  throw problem('backup-invalid', 'the note about a cache is damaged', {
    where: join(folder, NOTE),
    next: 'Use another backup: shipway backup list shows them.',
  });
}

async function countKeys({ address }: LocatedServer, effect: Effect): Promise<JsonObject> {
  const keys = Number(await withRedis(address, effect, (connection) => connection.call('DBSIZE')));
  return { ...(keys === 0 ? {} : { 'cached keys': { captured: 0, now: keys } }), contentDiffers: false };
}
