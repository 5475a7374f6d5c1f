import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { problem } from '../core/release/problem.ts';
import { createFolderOnce, createOnce } from '../platform/claim.ts';
import { ensureDirectory, exists, readText, writeAtomically } from '../platform/files.ts';
import { randomId } from '../platform/ids.ts';
import { giveTo, letPass, look, mayEnter } from '../platform/ownership.ts';
import type { UserIds } from '../platform/ownership.ts';
import { runCommand } from '../platform/run-command.ts';

/** What `postgres.json` in the state folder says about the built-in server. */
export interface PostgresRecord {
  format: 1;
  /** Random, made once: the name of what lies outside the state folder. */
  id: string;
  /** Folder of everything the server owns; relative to the state folder, or absolute when PostgreSQL could not reach that. */
  place: string;
  socketDirectory: string;
  /** True once there was a complete cluster: from then on a missing one is a loss, not a beginning. */
  initialised: boolean;
}

export interface PostgresPlace {
  stateDirectory: string;
  record: PostgresRecord;
  folder: string;
  data: string;
  log: string;
  /** Who runs the server; null for ourselves. PostgreSQL refuses to run as root. */
  user: UserIds | null;
}

const OUTSIDE_FOLDER = '/var/lib/shipway';
const SOCKET_PATH_BYTES_MAX = 107; // sun_path of Linux; macOS allows 103, and its temporary folders leave more room than that
const SOCKET_NAME = '/.s.PGSQL.5432';

function recordFile(stateDirectory: string): string {
  return join(stateDirectory, 'postgres.json');
}

/** Reads where the built-in server of this state folder lives; null when it never had one. */
export async function readPlace(stateDirectory: string): Promise<PostgresPlace | null> {
  const text = await readText(recordFile(stateDirectory));
  if (text === null) return null;
  const record = parseRecord(text, stateDirectory);
  const folder = resolve(stateDirectory, record.place);
  const entry = isRoot() ? await look(folder) : null;
  const user = entry !== null && entry.uid !== 0 ? { uid: entry.uid, gid: entry.gid } : null;
  return { stateDirectory, record, folder, data: join(folder, 'data'), log: join(folder, 'log'), user };
}

/** Decides where the built-in server lives, once; every later caller and every process beside us gets the same answer. */
export async function settlePlace(stateDirectory: string): Promise<PostgresPlace> {
  await ensureDirectory(stateDirectory);
  const settled = await readPlace(stateDirectory);
  if (settled === null) {
    const id = randomId();
    const user = isRoot() ? await unprivilegedUser() : null;
    const place = user === null || (await isReachable(stateDirectory, user)) ? 'postgres' : join(OUTSIDE_FOLDER, id);
    const record: PostgresRecord = {
      format: 1,
      id,
      place,
      socketDirectory: socketDirectoryFor(stateDirectory),
      initialised: false,
    };
    await createOnce(recordFile(stateDirectory), `${JSON.stringify(record, null, 2)}\n`);
  }
  const place = settled ?? (await readPlace(stateDirectory));
  if (place === null) throw new Error(`${recordFile(stateDirectory)} vanished while it was being made`);
  return place.record.initialised && exists(place.folder) ? place : prepareFolders(place);
}

async function prepareFolders(place: PostgresPlace): Promise<PostgresPlace> {
  if (place.record.initialised) return place; // a lost folder is reported, not replaced
  const user = isRoot() ? (place.user ?? (await unprivilegedUser())) : null;
  if (user !== null && dirname(place.folder) === OUTSIDE_FOLDER) {
    await ensureDirectory(OUTSIDE_FOLDER, 0o755);
    await letPass(OUTSIDE_FOLDER);
  } else if (user !== null) {
    await letPass(place.stateDirectory); // PostgreSQL must pass through; our files in it stay readable for their owner only
  }
  await ensureDirectory(place.folder);
  if (user !== null) await giveTo(place.folder, user);
  await ensureDirectory(place.log);
  return { ...place, user };
}

/** Remembers a change of the record, whole or not at all. */
export async function updateRecord(place: PostgresPlace, change: Partial<PostgresRecord>): Promise<PostgresPlace> {
  const record = { ...place.record, ...change };
  await writeAtomically(recordFile(place.stateDirectory), `${JSON.stringify(record, null, 2)}\n`);
  return { ...place, record };
}

/**
 * Makes the folder of the socket, which only the server's user and we may enter: whoever can reach the socket is let in without a password.
 * A folder that somebody else made under the expected name is never used; another name is taken and recorded.
 */
export async function prepareSocketDirectory(place: PostgresPlace): Promise<PostgresPlace> {
  const owner = place.user ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const wanted = place.record.socketDirectory;
  if (exists(dirname(wanted))) {
    if (await createFolderOnce(wanted)) {
      if (place.user !== null) await giveTo(wanted, place.user);
      return place;
    }
    const entry = await look(wanted);
    const isOurs = entry?.kind === 'folder' && entry.uid === owner.uid && (entry.mode & 0o077) === 0;
    if (isOurs) return place;
    // Made by us as root a moment ago, and not given away yet because that process died there.
    if (entry?.kind === 'folder' && place.user !== null && entry.uid === 0 && (entry.mode & 0o077) === 0) {
      await giveTo(wanted, place.user);
      return place;
    }
  }
  const other = `${socketDirectoryFor(place.stateDirectory)}-${randomId(3)}`;
  await createFolderOnce(other);
  if (place.user !== null) await giveTo(other, place.user);
  return updateRecord(place, { socketDirectory: other });
}

function socketDirectoryFor(stateDirectory: string): string {
  const name = `shipway-${createHash('sha256').update(resolve(stateDirectory)).digest('hex').slice(0, 12)}`;
  const preferred = join(tmpdir(), name);
  const spare = 8; // room for the "-xxxxx" of another name
  return Buffer.byteLength(preferred + SOCKET_NAME) + spare <= SOCKET_PATH_BYTES_MAX ? preferred : join('/tmp', name);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Whether the user gets as far as the state folder when we let it pass through that one. */
async function isReachable(stateDirectory: string, user: UserIds): Promise<boolean> {
  return mayEnter(dirname(resolve(stateDirectory)), user);
}

async function unprivilegedUser(): Promise<UserIds> {
  for (const name of ['postgres', 'nobody']) {
    const uid = await numberOf(['id', '-u', name]);
    const gid = await numberOf(['id', '-g', name]);
    if (uid !== null && gid !== null && uid !== 0) return { uid, gid };
  }
  throw problem(
    'database-unavailable',
    'PostgreSQL refuses to run as root, and there is no user "postgres" or "nobody" to run it as',
    {
      where: 'the built-in PostgreSQL',
      next: 'Run shipway as an ordinary user, create a user "postgres", or set SHIPWAY_DATABASE_URL to a PostgreSQL server of yours.',
    },
  );
}

async function numberOf(argv: string[]): Promise<number | null> {
  const environment = { PATH: process.env['PATH'] ?? '/usr/bin:/bin' };
  const result = await runCommand({ argv, cwd: '/', environment, timeoutSeconds: 10 });
  const text = result.stdout.trim();
  return result.exitCode === 0 && /^\d+$/.test(text) ? Number(text) : null;
}

function parseRecord(text: string, stateDirectory: string): PostgresRecord {
  try {
    const record = JSON.parse(text) as PostgresRecord;
    if (record.format === 1 && typeof record.place === 'string' && typeof record.socketDirectory === 'string')
      return record;
  } catch {
    // Not JSON is the same trouble as JSON of another kind.
  }
  throw problem('database-unavailable', 'postgres.json does not say where the built-in PostgreSQL keeps its data', {
    where: recordFile(stateDirectory),
    next: 'Put the file back from a backup, or use the version of shipway that wrote it.',
  });
}
