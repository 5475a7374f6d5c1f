import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { errorCode } from '../../../platform/error-code.ts';
import { gap } from '../../../platform/gap.ts';
import type { ReplacedData, Staged, SwapRecord } from '../store.ts';
import { describeAddress, type Address } from './address.ts';
import { namesFrom, tagOfKept, type DatabaseNames } from './database-names.ts';
import { markOf, setMark } from './database-properties.ts';
import { blockersOf, connectedTo, heldProblem } from './lock-holders.ts';
import { quoteName, withControl, type Session } from './session.ts';
import { dropDatabase, hasDatabase } from './stage-database.ts';

const FAILURE = { kind: 'restore-failed', what: 'the databases could not be swapped' } as const;
const LOCK_LIMIT_MS = 5000; // clients that connect wait meanwhile, so not long
const EVICT_EVERY_MS = 10;

/** What stands now. The mark goes with the data through every rename, so it tells where the live data came from. */
interface Standing {
  hasLive: boolean;
  hasStaged: boolean;
  hasKept: boolean;
  /** The live data is the restored copy. */
  isSwapped: boolean;
}

interface Swap {
  names: DatabaseNames;
  address: Address;
  effect: Effect;
}

/**
 * Puts the staged database in place of the live one. Both renames are one transaction: whoever is killed leaves it done or not begun, and at
 * no moment is there no live database. Who is connected to either is disconnected; who connects meanwhile waits for the end of it.
 */
export async function swapIn(staged: Staged, address: Address, effect: Effect): Promise<SwapRecord> {
  const names = namesFrom(staged.place, address.database);
  const record = { keptAt: names.kept };
  await gap('stores.postgres.swap.begun');
  await withControl({ address, effect, failure: FAILURE }, async (keeper) => {
    const standing = await look(keeper, names);
    if (!standing.hasStaged && standing.isSwapped) return;
    await requireStaged(keeper, names, standing);
    const renames: [string, string][] = [[names.staged, names.live]];
    if (standing.hasLive) renames.unshift([names.live, names.kept]);
    await renameTogether(keeper, renames, { names, address, effect });
  });
  return record;
}

/** Puts the replaced database back, and the restored one beside it. Not swapped, or back already: nothing to do. */
export async function swapOut(record: SwapRecord, address: Address, effect: Effect): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesFrom(record.keptAt, address.database);
  await gap('stores.postgres.swap.begun');
  await withControl({ address, effect, failure: FAILURE }, async (keeper) => {
    const { hasLive, hasKept, isSwapped } = await look(keeper, names);
    if (!isSwapped && !hasKept) return;
    if (!isSwapped && hasLive) {
      throw problem('restore-failed', `${names.live} was replaced again since, by another restore`, {
        where: describeAddress(address),
        next: `Swap back the later restore first; the data replaced by this one is kept in ${names.kept}.`,
      });
    }
    const renames: [string, string][] = hasKept ? [[names.kept, names.live]] : [];
    if (isSwapped) renames.unshift([names.live, names.staged]);
    await renameTogether(keeper, renames, { names, address, effect });
  });
}

/** Deletes what is not live: the replaced data, or after a swap back the restored copy. */
export async function discardReplaced(record: SwapRecord, address: Address, effect: Effect): Promise<void> {
  if (record.keptAt === null) return;
  const names = namesFrom(record.keptAt, address.database);
  const failure = { kind: 'restore-failed', what: 'the replaced data cannot be deleted' } as const;
  await withControl({ address, effect, failure }, async (control) => {
    // First the mark: without it nobody takes the live database away as something that could be swapped back.
    if ((await look(control, names)).isSwapped) await setMark(control, names.live, null);
    await gap('stores.postgres.discard.settled');
    for (const name of [names.kept, names.staged]) await dropDatabase(control, name, describeAddress(address, name));
  });
}

/** The databases that swaps have kept; a swap is one transaction, so none is half done. */
export async function listReplaced(address: Address, effect: Effect): Promise<ReplacedData[]> {
  const failure = { kind: 'restore-failed', what: 'the replaced data cannot be listed' } as const;
  return withControl({ address, effect, failure }, async (control) => {
    const rows = await control.query<{ datname: string; bytes: string }>(
      'SELECT datname, pg_database_size(oid) AS bytes FROM pg_database ORDER BY datname',
    );
    const all = rows.map(({ datname }) => datname);
    return rows.flatMap(({ datname, bytes }): ReplacedData[] => {
      const tag = tagOfKept(datname, address.database, all);
      return tag === null ? [] : [{ record: { keptAt: datname }, tag, state: 'replaced', bytes: Number(bytes) }];
    });
  });
}

async function look(control: Session, names: DatabaseNames): Promise<Standing> {
  return {
    hasLive: await hasDatabase(control, names.live),
    hasStaged: await hasDatabase(control, names.staged),
    hasKept: await hasDatabase(control, names.kept),
    isSwapped: (await markOf(control, names.live))?.name === names.staged,
  };
}

async function requireStaged(control: Session, names: DatabaseNames, standing: Standing): Promise<void> {
  const isWhole = standing.hasStaged && (await markOf(control, names.staged))?.name === names.staged;
  if (isWhole && !standing.hasKept) return;
  const what = isWhole
    ? `replaced data is kept in ${names.kept} already`
    : `there is no complete restored copy ${names.staged} to put in place`;
  throw problem('restore-failed', what, { where: names.live, next: 'Start the restore again from its backup.' });
}

/**
 * One transaction. A rename locks the name first and then waits until nobody is connected; a second connection ends those meanwhile, so
 * that no client can slip in between.
 */
async function renameTogether(keeper: Session, renames: [string, string][], swap: Swap): Promise<void> {
  const { address, effect } = swap;
  // Asked for before anybody is kept out: who may not be disconnected by us ends it here.
  for (const [from] of renames) await evict(keeper, from, swap);
  await withControl({ address, effect, failure: FAILURE }, async (mover) => {
    await mover.query(`SET lock_timeout = ${LOCK_LIMIT_MS}`);
    await mover.query('BEGIN');
    await gap('stores.postgres.swap.opened');
    for (const [index, rename] of renames.entries()) {
      await renameAlone(mover, keeper, rename, swap);
      await gap(`stores.postgres.swap.renamed-${index + 1}`);
    }
    const { live, staged } = swap.names;
    if (renames.some(([from, to]) => from === live && to === staged))
      await setMark(mover, staged, { name: staged, wasLive: true });
    await mover.query('COMMIT');
    await gap('stores.postgres.swap.committed');
  });
}

async function renameAlone(mover: Session, keeper: Session, [from, to]: [string, string], swap: Swap): Promise<void> {
  const { address, effect } = swap;
  let blockers: string[] = [];
  let isDone = false;
  const renaming = mover
    .query(`ALTER DATABASE ${quoteName(from)} RENAME TO ${quoteName(to)}`)
    .finally(() => (isDone = true));
  const evicting = async (): Promise<void> => {
    while (!isDone) {
      await evict(keeper, from, swap);
      const found = await blockersOf(keeper, mover.pid);
      if (found.length > 0) blockers = found;
      await effect.clock.sleep(EVICT_EVERY_MS, effect.signal);
    }
  };
  const [end, eviction] = await Promise.allSettled([renaming, evicting()]);
  if (end.status === 'fulfilled') return;
  if (eviction.status === 'rejected') throw eviction.reason;
  const where = describeAddress(address, from);
  const code = errorCode(end.reason);
  if (code === '55P03')
    throw heldProblem('restore-failed', `${from} is locked`, { where, holders: blockers }, end.reason);
  if (code !== '55006') throw end.reason;
  const holders = await connectedTo(keeper, [from]);
  throw heldProblem('restore-failed', `${from} is kept open`, { where, holders }, end.reason);
}

/** Disconnects everybody from it; who is stronger than our user is named. Autovacuum, which has no user, is ended by the rename itself. */
async function evict(keeper: Session, database: string, { address }: Swap): Promise<void> {
  try {
    await keeper.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND usesysid IS NOT NULL AND pid <> pg_backend_pid()',
      [database],
    );
  } catch (error) {
    if (errorCode(error) !== '42501') throw error;
    const holders = await connectedTo(keeper, [database]);
    const where = describeAddress(address, database);
    throw heldProblem('restore-failed', `${database} is kept open`, { where, holders }, error);
  }
}
