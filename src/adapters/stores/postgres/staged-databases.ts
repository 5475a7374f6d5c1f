import { createHash } from 'node:crypto';
import { freeBytes } from '../../../platform/files.ts';
import type { Effect } from '../../../platform/effect.ts';
import type { Prestaging, StagedAhead } from '../prestaging.ts';
import type { Staged } from '../restored-copy.ts';
import { describeAddress, type Address } from './address.ts';
import { isStagedFor, namesFrom, tagOfStaged } from './database-names.ts';
import { markOf as restoreOf } from './database-properties.ts';
import { localDataDirectory } from './probe-server.ts';
import { withControl, withSession, type Session } from './session.ts';
import { dropDatabase, hasDatabase } from './stage-database.ts';

const LOOK_FAILURE = { kind: 'restore-failed', what: 'the copy that waits cannot be looked at' } as const;
const DROP_FAILURE = { kind: 'restore-failed', what: 'the copy that waits cannot be deleted' } as const;

/**
 * What everybody leaves behind who changes a row, a table, a sequence or a function. Only objects of the database itself: the server keeps
 * statistics of its own catalog while nobody is there. After a crash the server has forgotten its counts, and a copy that is whole has another mark.
 */
const TOUCHES = `SELECT
  (SELECT md5(coalesce(string_agg(format('%s %s %s %s', relid, n_tup_ins, n_tup_upd, n_tup_del), ' ' ORDER BY relid), ''))
     FROM pg_stat_user_tables) AS rows,
  (SELECT md5(coalesce(string_agg(format('%s %s %s', c.oid, c.xmin, c.relfilenode), ' ' ORDER BY c.oid), ''))
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') AS relations,
  (SELECT md5(coalesce(string_agg(format('%s %s %s', a.attrelid, a.attnum, a.xmin), ' ' ORDER BY a.attrelid, a.attnum), ''))
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') AS columns,
  (SELECT md5(coalesce(string_agg(format('%s %s', oid, xmin), ' ' ORDER BY oid), ''))
     FROM (SELECT oid, xmin FROM pg_constraint UNION ALL SELECT oid, xmin FROM pg_trigger UNION ALL SELECT oid, xmin FROM pg_type
       UNION ALL SELECT oid, xmin FROM pg_proc UNION ALL SELECT oid, xmin FROM pg_namespace UNION ALL SELECT oid, xmin FROM pg_rewrite
       UNION ALL SELECT oid, xmin FROM pg_attrdef UNION ALL SELECT oid, xmin FROM pg_policy) AS made) AS others,
  (SELECT md5(coalesce(string_agg(format('%s.%s %s', schemaname, sequencename, last_value), ' ' ORDER BY schemaname, sequencename), ''))
     FROM pg_sequences) AS sequences`;

/** Copies that wait as databases beside the live one. */
export function prestagingOf(addressOf: (effect: Effect) => Address): Prestaging {
  return {
    room: (effect) =>
      withControl({ address: addressOf(effect), effect, failure: LOOK_FAILURE }, async (control) => {
        const directory = await localDataDirectory(control);
        return directory === null ? null : freeBytes(directory);
      }),
    mark: (staged, effect) => markOf(staged, addressOf(effect), effect),
    list: (effect) => listStaged(addressOf(effect), effect),
    remove: (tag, effect) => removeStaged(tag, addressOf(effect), effect),
  };
}

async function markOf(staged: Staged, address: Address, effect: Effect): Promise<string | null> {
  const { staged: name } = namesFrom(staged.place, address.database);
  const isWhole = await withControl({ address, effect, failure: LOOK_FAILURE }, async (control) => {
    const restored = (await hasDatabase(control, name)) ? await restoreOf(control, name) : null;
    return restored !== null && restored.name === name && !restored.wasLive;
  });
  if (!isWhole) return null;
  const request = { address, database: name, effect, failure: LOOK_FAILURE };
  const [touches] = await withSession(request, (session) => session.query(TOUCHES));
  return createHash('sha256').update(JSON.stringify(touches)).digest('hex');
}

async function listStaged(address: Address, effect: Effect): Promise<StagedAhead[]> {
  return withControl({ address, effect, failure: LOOK_FAILURE }, async (control) => {
    const waiting = await databasesOf(control, address);
    return waiting.map(({ name, tag, bytes }) => ({ place: describeAddress(address, name), tag, bytes }));
  });
}

async function removeStaged(tag: string, address: Address, effect: Effect): Promise<void> {
  await withControl({ address, effect, failure: DROP_FAILURE }, async (control) => {
    for (const { name } of await databasesOf(control, address, tag)) {
      await dropDatabase(control, name, describeAddress(address, name));
    }
  });
}

/** All of them, or those for one tag or for what is left of it in a name. Also one that was begun and has no mark yet. One that was live holds what the service wrote meanwhile, and is no copy that waits. */
async function databasesOf(
  control: Session,
  { database }: Address,
  only: string | null = null,
): Promise<{ name: string; tag: string; bytes: number }[]> {
  const rows = await control.query<{ datname: string; bytes: string }>(
    'SELECT datname, pg_database_size(oid) AS bytes FROM pg_database ORDER BY datname',
  );
  const waiting: { name: string; tag: string; bytes: number }[] = [];
  const all = rows.map(({ datname }) => datname);
  for (const { datname, bytes } of rows) {
    const found = tagOfStaged(datname, database, all);
    const isMeant = only === null || found === only || isStagedFor(datname, database, only);
    const tag = isMeant ? (found ?? only) : null;
    if (tag === null || (await restoreOf(control, datname))?.wasLive === true) continue;
    waiting.push({ name: datname, tag, bytes: Number(bytes) });
  }
  return waiting;
}
