import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { errorCode } from '../../../platform/error-code.ts';
import { gap } from '../../../platform/gap.ts';
import type { Capture, Staged } from '../store.ts';
import { describeAddress } from './address.ts';
import { CONTENT_FORMAT, firstDifference, readContent, type Content } from './content.ts';
import { namesFor, namesFrom, type DatabaseNames } from './database-names.ts';
import {
  applyProperties,
  createStatement,
  markOf,
  readProperties,
  setMark,
  type DatabaseProperties,
} from './database-properties.ts';
import { ARCHIVE, checkArchiveBytes, invalid, majorOf, readDescription, type Description } from './description.ts';
import { connectedTo, heldProblem } from './lock-holders.ts';
import { requireRestorable } from './probe-server.ts';
import { AS_MANY_WORKERS_AS_SET, quoteName, withControl, withSession, type Session } from './session.ts';
import { runTool, toolProblem, type Tools } from './tools.ts';

const FAILURE = { kind: 'restore-failed', what: 'the copy cannot be restored' } as const;
const JOBS_MAX = 8; // each is a connection, and the archive is read from one disk
const RESTORES_MAX = 100; // each one is a whole copy of the data; somebody has to discard some before

export interface Restore {
  tools: Tools;
  folder: string;
  recorded: Capture;
  effect: Effect;
}

/** What an extracted copy is for. */
export interface Extraction {
  /** Of a copy that is dropped after the comparison nobody needs them. */
  withStatistics: boolean;
  /** How it is read for the comparison, where somebody needs to know more of it than a capture keeps; default: as a capture does. */
  read: (session: Session) => Promise<Content>;
}

const TO_BE_USED: Extraction = { withStatistics: true, read: (session) => readContent(session, []) };

/** Restores into a database of its own beside the live one and compares it with what was captured; only then is it marked as fit for a swap. */
export async function stageDatabase(restore: Restore, tag: string): Promise<Staged> {
  const { address } = restore.tools;
  const description = await openBackup(restore);
  return withControl({ address, effect: restore.effect, failure: FAILURE }, async (control) => {
    await requireRestorable(control, restore.recorded.liveBytes, describeAddress(address));
    const names = await freeNames(control, address.database, tag);
    await dropDatabase(control, names.staged, describeAddress(address));
    const live = await readProperties(control, names.live);
    const properties = live ?? description.properties;
    await fillDatabase(control, { name: names.staged, description, properties, ...TO_BE_USED }, restore);
    await setMark(control, names.staged, { name: names.staged, wasLive: false });
    await gap('stores.postgres.staged');
    return { place: names.staged };
  });
}

/** Restores into a new database of that name, verified like a staged one; touches no other. Refused when there is one of that name. */
export async function extractDatabase(
  restore: Restore,
  name: string,
  extraction: Partial<Extraction> = {},
): Promise<void> {
  const { address } = restore.tools;
  const description = await openBackup(restore);
  await withControl({ address, effect: restore.effect, failure: FAILURE }, async (control) => {
    await requireRestorable(control, restore.recorded.liveBytes, describeAddress(address));
    if ((await readProperties(control, name)) !== null) {
      throw problem('refused', `there is a database ${name} already`, {
        where: describeAddress(address, name),
        next: 'Give the name of a database that does not exist yet.',
      });
    }
    const made = { name, description, properties: description.properties, ...TO_BE_USED, ...extraction };
    await fillDatabase(control, made, restore);
  });
}

async function openBackup({ folder, recorded }: Restore): Promise<Description> {
  const description = await readDescription(folder, recorded);
  await checkArchiveBytes(folder, description);
  return description;
}

interface NewDatabase extends Extraction {
  name: string;
  description: Description;
  properties: DatabaseProperties;
}

/** Makes, fills and checks it; takes it away again when anything fails. */
async function fillDatabase(control: Session, made: NewDatabase, restore: Restore): Promise<void> {
  const { tools, effect } = restore;
  const where = describeAddress(tools.address, made.name);
  await control.query(createStatement(made.name, made.properties));
  try {
    await gap('stores.postgres.created');
    await restoreArchive(made.name, restore, await jobsOf(control));
    const request = { address: tools.address, database: made.name, effect, failure: FAILURE };
    await withSession(request, async (session) => {
      await compare(session, made, where);
      // Without statistics the first queries of the service would be planned blindly. It is also what waits for the disk: see restoreArchive.
      if (made.withStatistics) await session.query('ANALYZE');
    });
    await applyProperties(control, made.name, made.properties);
  } catch (error) {
    // A connection of its own: when this run is aborted, ours may no longer be used.
    const request = {
      address: tools.address,
      effect: { ...effect, signal: new AbortController().signal },
      failure: FAILURE,
    };
    await withControl(request, (cleaner) => dropDatabase(cleaner, made.name, where)).catch(() => undefined); // the first error says what is wrong
    throw error;
  }
}

async function restoreArchive(name: string, { tools, folder, effect }: Restore, jobs: number): Promise<void> {
  const archive = join(folder, ARCHIVE);
  // Beside the server only what comes in can be read, which is one stream.
  const isStream = jobs === 1 || tools.through.length > 0;
  const run = {
    program: 'pg_restore',
    arguments: ['--exit-on-error', ...(isStream ? [] : [`--jobs=${jobs}`, archive])],
    database: name,
    ...(isStream ? { inputFile: archive } : {}),
    // Nothing is lost by a crash but what was begun: the copy counts when it is marked or has its name, and that waits for all of the log before it.
    settings: '-c synchronous_commit=off',
  } as const;
  const result = await runTool(tools, run, effect);
  if (result.exitCode === 0) return;
  const where = describeAddress(tools.address, name);
  throw toolProblem('restore-failed', { program: 'pg_restore', where }, result);
}

/** As many as the server lets work on one act of maintenance: the service beside the copy goes on. */
async function jobsOf(control: Session): Promise<number> {
  const [row] = await control.query<{ count: number }>(
    `SELECT current_setting('max_parallel_maintenance_workers')::int AS count`,
  );
  return Math.min(JOBS_MAX, Math.max(1, row?.count ?? 1));
}

async function compare(session: Session, { description, read }: NewDatabase, where: string): Promise<void> {
  const [row] = await session.query<{ version: string }>(`SELECT current_setting('server_version') AS version`);
  await session.query(AS_MANY_WORKERS_AS_SET);
  const { format } = description;
  const content = format === CONTENT_FORMAT ? await read(session) : await readContent(session, [], format);
  const isSameMajor = majorOf(row?.version ?? '') === majorOf(description.serverVersion);
  const difference = firstDifference(content, description.content, isSameMajor);
  if (difference !== null) throw invalid(`restored, ${difference}`, where);
}

/** The first names for the tag under which nothing lies, or only a copy that was never live; and not those of the data that is live now. */
async function freeNames(control: Session, live: string, tag: string): Promise<DatabaseNames> {
  const mark = await markOf(control, live);
  for (let count = 1; count <= RESTORES_MAX; count += 1) {
    const names = namesFor(live, count === 1 ? tag : `${tag}-${count}`);
    const wasLive = (await markOf(control, names.staged))?.wasLive ?? false;
    if (mark?.name !== names.staged && !wasLive && !(await hasDatabase(control, names.kept))) return names;
  }
  throw problem('restore-failed', `${RESTORES_MAX} replaced copies lie beside ${live}`, {
    where: live,
    next: 'Discard those that are not needed any more.',
  });
}

/** Deletes what a stage made; a name that is not of a restore of the live database is refused. */
export async function unstageDatabase(staged: Staged, tools: Tools, effect: Effect): Promise<void> {
  const names = namesFrom(staged.place, tools.address.database);
  const failure = { kind: 'restore-failed', what: 'the restored copy cannot be deleted' } as const;
  await withControl({ address: tools.address, effect, failure }, (control) =>
    dropDatabase(control, names.staged, describeAddress(tools.address, names.staged)),
  );
}

/** Ends who is connected to it; no such database is fine. */
export async function dropDatabase(control: Session, name: string, where: string): Promise<void> {
  try {
    await control.query(`DROP DATABASE IF EXISTS ${quoteName(name)} WITH (FORCE)`);
  } catch (error) {
    if (errorCode(error) !== '55006') throw error;
    throw heldProblem(
      'restore-failed',
      `${name} is kept open`,
      { where, holders: await connectedTo(control, [name]) },
      error,
    );
  }
}

export async function hasDatabase(control: Session, name: string): Promise<boolean> {
  return (await control.query('SELECT FROM pg_database WHERE datname = $1', [name])).length > 0;
}
