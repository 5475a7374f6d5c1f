import type { JsonObject } from '../../../core/release/json.ts';
import { isProblem, problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import type { Maintenance, MaintenanceReport, MaintenanceRequest } from '../maintenance.ts';
import { withRedis, type RedisConnection } from './connection.ts';
import type { LocatedServer } from './located-server.ts';
import { readInfo, readKeyspace, type ServerInfo } from './server-info.ts';
import { walkKeys } from './walk-keys.ts';

/** `analyze` and `vacuum` mean nothing to it: it has no planner, and gives back room by itself. */
export function redisMaintenance(locate: (effect: Effect) => Promise<LocatedServer>): Maintenance {
  return {
    acts: ['count', 'check'],
    run: async (request, effect) => {
      const { address } = await locate(effect);
      try {
        return await withRedis(address, effect, (connection) => run(connection, request));
      } catch (error) {
        if (!isProblem(error) || error.kind !== 'unreachable') throw error;
        const details = { where: address.shown, next: error.next, retry: true, cause: error };
        throw problem('check-failed', error.message, details);
      }
    },
  };
}

async function run(connection: RedisConnection, { act }: MaintenanceRequest): Promise<MaintenanceReport> {
  const rows: JsonObject = {};
  const findings = act === 'check' ? findingsIn(await readInfo(connection, 'persistence')) : [];
  for (const { database, keys } of await readKeyspace(connection)) {
    rows[`db${database} keys`] = keys;
    if (act === 'check') await walk(connection, database);
  }
  return { findings, figures: { rows } };
}

/** What the server has not managed to write down is lost when it ends. */
function findingsIn(info: ServerInfo): string[] {
  const failed = (field: string): boolean => (info.get(field) ?? 'ok') !== 'ok';
  return [
    ...(info.get('loading') === '1' ? ['it is still loading its data'] : []),
    ...(failed('rdb_last_bgsave_status') ? ['its last save failed: read its log'] : []),
    ...(failed('aof_last_write_status') ? ['its last write to the append-only file failed: read its log'] : []),
    ...(failed('aof_last_bgrewrite_status') ? ['its last rewrite of the append-only file failed: read its log'] : []),
  ];
}

/** A server whose memory is damaged fails here, and not when somebody asks for that key. */
async function walk(connection: RedisConnection, database: number): Promise<void> {
  for await (const page of walkKeys(connection, database)) {
    await Promise.all(page.map((key) => connection.call('OBJECT', 'ENCODING', key).catch(goneOrThrow)));
  }
}

/** A key that ended, or was deleted, since it was listed is no damage. */
function goneOrThrow(error: unknown): null {
  if (error instanceof Error && /no such key/i.test(error.message)) return null;
  throw error;
}
