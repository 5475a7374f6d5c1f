import type { Effect } from '../../../platform/effect.ts';
import { gap } from '../../../platform/gap.ts';
import { stopByEnvironment } from '../../../platform/process-table.ts';
import type { Capture, Rehearsing, Scratch } from '../store.ts';
import { describeAddress } from './address.ts';
import { resolveExcluded } from './content.ts';
import { countedStatements } from './counted-statements.ts';
import type { LiveDatabase } from './probe-server.ts';
import { readLiveState, readState, readStateAndContent, type StateMemory } from './read-state.ts';
import { nameOfNowhere, nameOfRehearsal, rehearsalOfName, urlOf } from './rehearsal-names.ts';
import { quoteText, withControl, withSession, type Session, type SessionRequest } from './session.ts';
import { dropDatabase, extractDatabase } from './stage-database.ts';
import type { Tools } from './tools.ts';
import { statementsOn } from './try-statements.ts';
import { tableIdsOf, watchLocks } from './watch-locks.ts';

const FAILURE = { kind: 'restore-failed', what: 'the copy for the rehearsal cannot be used' } as const;
const READ_FAILURE = { kind: 'backup-failed', what: 'the live database cannot be read' } as const;
const GRACE_SECONDS = 5;
const QUIET_LIMIT_MS = 30_000; // a large transaction is rolled back in the next vacuum, not now; what is slow is the network
const QUIET_PAUSE_MS = 20;

interface Places {
  live: LiveDatabase;
  /** The server of the scratch databases, and its address as the release file has it, resolved. */
  scratch: { tools: Tools; url: string };
}

/** Rehearsals on a database of their own, beside the live one or on the server that the store names for it. */
export function rehearseDatabase(open: (effect: Effect) => Places): Rehearsing {
  return {
    sweep: (effect) => sweep(open(effect), effect),
    nowhere: async (id, effect) => {
      const { live, scratch } = open(effect);
      return variablesOf(scratch, nameOfNowhere(live.tools.address.database, id));
    },
    restore: (copy, id, effect) => restore(open(effect), copy, id, effect),
    counted: (effect) => countedStatements(open(effect).live.tools.address, effect),
    readLive: async (_, effect) => {
      const { tools, excludedTables } = open(effect).live;
      const request = { address: tools.address, effect, failure: READ_FAILURE };
      return withSession(request, async (session) => {
        const where = describeAddress(tools.address);
        return readLiveState(session, await resolveExcluded(session, excludedTables, where));
      });
    },
  };
}

function variablesOf({ tools, url }: Places['scratch'], database: string): Record<string, string> {
  return { SCRATCH_URL: urlOf(url, tools.address, database), SCRATCH_DATABASE: database };
}

async function restore(
  { live, scratch }: Places,
  { folder, capture }: { folder: string; capture: Capture },
  id: string,
  effect: Effect,
): Promise<Scratch> {
  const { tools } = scratch;
  const database = nameOfRehearsal(live.tools.address.database, id);
  // Held as long as we live: whoever cleans up sees by it that this one is in use.
  const claim = await claimName(database, { address: tools.address, effect, failure: FAILURE });
  // What the comparison with the backup has read is not read again to begin with.
  const memory: StateMemory = new Map();
  const read = async (session: Session) => (await readStateAndContent(session, memory)).content;
  try {
    await extractDatabase({ tools, folder, recorded: capture, effect }, database, { read });
  } catch (error) {
    await claim.release();
    throw error;
  }
  await gap('stores.postgres.rehearsal-restored');
  const request = { address: tools.address, database, effect, failure: FAILURE };
  const place = describeAddress(tools.address, database);
  return {
    variables: variablesOf(scratch, database),
    place,
    hasLocks: true,
    read: (given) => withSession({ ...request, effect: given }, (session) => readState(session, memory)),
    watch: async (act, given) => {
      const own = { ...request, effect: given };
      return watchLocks(own, await withSession(own, tableIdsOf), act);
    },
    statements: statementsOn(request),
    quiet: (given) => withControl({ ...request, effect: given }, (control) => endConnections(control, database, given)),
    remove: async (given) => {
      await withControl({ ...request, effect: given }, async (control) => {
        await dropDatabase(control, database, place);
        // A tool that makes the database it does not find has made this one.
        await dropDatabase(control, nameOfNowhere(live.tools.address.database, id), place);
      });
      await claim.release();
    },
  };
}

/** Back when what they had not committed is rolled back, or the limit is over. */
async function endConnections(control: Session, database: string, effect: Effect): Promise<void> {
  const giveUpAtMs = performance.now() + QUIET_LIMIT_MS;
  while (performance.now() < giveUpAtMs) {
    const ended = await control.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`,
      [database],
    );
    if (ended.length === 0) return;
    await effect.clock.sleep(QUIET_PAUSE_MS);
  }
}

/** Drops the databases of rehearsals that nobody holds any more, and ends the programs that still work on them. */
async function sweep({ live, scratch }: Places, effect: Effect): Promise<string[]> {
  const { address } = scratch.tools;
  const liveName = live.tools.address.database;
  return withControl({ address, effect, failure: FAILURE }, async (control) => {
    const removed: string[] = [];
    for (const { name } of await control.query<{ name: string }>(
      'SELECT datname AS name FROM pg_database ORDER BY 1',
    )) {
      const id = rehearsalOfName(name, liveName);
      if (id === null || !(await mayTake(control, nameOfRehearsal(liveName, id)))) continue;
      await stopByEnvironment(
        'SHIPWAY_STEP',
        (token) => token.startsWith(`rehearsal/${id}/`),
        GRACE_SECONDS,
        effect.clock,
      );
      await dropDatabase(control, name, describeAddress(address, name));
      removed.push(name);
    }
    return removed;
  });
}

async function mayTake(control: Session, name: string): Promise<boolean> {
  const [row] = await control.query<{ free: boolean }>(`SELECT pg_try_advisory_lock(${lockOf(name)}) AS free`);
  return row?.free === true;
}

const lockOf = (name: string): string => `hashtextextended(${quoteText(`shipway rehearsal ${name}`)}, 0)`;

/** An advisory lock on a connection of its own; the server frees it when we die. */
async function claimName(name: string, request: SessionRequest): Promise<{ release(): Promise<void> }> {
  return new Promise((resolve, reject) => {
    const released = new AbortController();
    const effect = { ...request.effect, signal: new AbortController().signal };
    const held = withControl({ ...request, effect }, async (control) => {
      await control.query(`SELECT pg_advisory_lock(${lockOf(name)})`);
      const end = new Promise<void>((over) => released.signal.addEventListener('abort', () => over(), { once: true }));
      resolve({
        release: async () => {
          released.abort();
          await held.catch(() => undefined);
        },
      });
      await end;
    });
    held.catch(reject);
  });
}
