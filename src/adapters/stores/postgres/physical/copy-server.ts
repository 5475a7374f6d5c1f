import { dirname, join } from 'node:path';
import { isProblem, problem, type Problem } from '../../../../core/release/problem.ts';
import type { Effect } from '../../../../platform/effect.ts';
import { writeAtomically } from '../../../../platform/files.ts';
import { gap } from '../../../../platform/gap.ts';
import { giveTo, type UserIds } from '../../../../platform/ownership.ts';
import { runCommand, type CommandResult } from '../../../../platform/run-command.ts';
import { lastLinesOf } from '../../../../platform/run-declared-command.ts';
import { withScratchFolder } from '../../../../platform/scratch-folder.ts';
import { NO_TIME_LIMIT, type Address } from '../address.ts';
import { withSession } from '../session.ts';

const POLL_MS = 20; // a small copy is recovered in about that time
const POLL_GROWTH = 1.2; // each question is a connection for both sides, and a large copy takes minutes
const POLL_MS_MAX = 250;
const LIFE_LIMIT_SECONDS = 24 * 3600; // a terabyte is read in 12 h at most
const STOP_LIMIT_SECONDS = 600; // the last checkpoint writes what recovery left in memory
const BUFFERS = '32MB'; // every row is read once, a table after the other, which a larger cache would not make quicker
const PORT = '5432'; // only part of the name of a socket in a folder of our own

/** A data directory that was just extracted, and what is needed to start a server on it. */
export interface CopyOnDisk {
  directory: string;
  program: string;
  user: UserIds | null;
  /** Of the version. */
  major: number;
  superuser: string;
  preparedMax: number;
  /** Limit of the recovery. */
  timeoutSeconds: number;
  /** `kept`: it will be live, so that nothing may stay in memory only. `scratch`: it is deleted. */
  fate: 'kept' | 'scratch';
  /** Told the folder of the socket before anything is started. */
  noteFolder: (path: string) => Promise<void>;
}

/**
 * Recovers a copy to the point at which it is consistent with a server of our own, on a socket that only this user can reach, and ends it
 * afterwards. It becomes a new timeline, so that its log is never mistaken for that of the live server. It archives nothing, follows nobody,
 * and runs no program of the copied settings.
 */
export async function withCopyServer<Result>(
  copy: CopyOnDisk,
  effect: Effect,
  use: (address: Address) => Promise<Result>,
): Promise<Result> {
  return withScratchFolder('postgres', async (folder) => {
    await copy.noteFolder(folder);
    await writeConfiguration(folder, copy);
    const over = new AbortController();
    const running = runCommand({
      argv: [copy.program, '-D', copy.directory, ...settingsFor(folder, copy).flatMap((line) => ['-c', line])],
      cwd: folder,
      environment: { ...effect.environment({}), LC_ALL: 'C' },
      timeoutSeconds: LIFE_LIMIT_SECONDS,
      signal: AbortSignal.any([over.signal, effect.signal]),
      token: effect.token,
      graceSeconds: STOP_LIMIT_SECONDS,
      ...copy.user,
    });
    const address = addressIn(folder, copy.superuser);
    let result: Result;
    try {
      await waitUntilRecovered(address, running, copy, effect);
      await gap('stores.postgres.recovered');
      result = await use(address);
    } catch (error) {
      over.abort();
      await running.catch(() => undefined); // what went wrong first is what is thrown
      throw error;
    }
    over.abort();
    requireCleanEnd(await running, copy, effect);
    return result;
  });
}

/**
 * What ALTER DATABASE and ALTER ROLE set for a session comes after the command line of the server, and before what the session itself asks for:
 * a library that this machine lacks would let nobody in, and another role may not read everything.
 */
const OWN_OPTIONS = `${NO_TIME_LIMIT} -c session_preload_libraries= -c local_preload_libraries= -c role=none`;

function addressIn(folder: string, user: string): Address {
  const parameters = { options: OWN_OPTIONS };
  return { host: folder, port: PORT, user, password: null, database: 'template1', parameters };
}

async function writeConfiguration(folder: string, { directory, user }: CopyOnDisk): Promise<void> {
  const files = {
    [join(folder, 'postgresql.conf')]: '',
    [join(folder, 'pg_hba.conf')]: 'local all all trust\n',
    [join(folder, 'pg_ident.conf')]: '',
    // Recovery to a point, with a new timeline at its end.
    [join(directory, 'recovery.signal')]: '',
  };
  for (const [path, text] of Object.entries(files)) {
    await writeAtomically(path, text);
    if (user !== null) await giveTo(path, user);
  }
  if (user !== null) await giveTo(folder, user);
}

/** On the command line, where nothing that lies in the copy has a say any more. */
function settingsFor(folder: string, { major, preparedMax, fate }: CopyOnDisk): string[] {
  const sync = fate === 'kept' ? 'on' : 'off';
  return [
    `config_file=${join(folder, 'postgresql.conf')}`,
    `hba_file=${join(folder, 'pg_hba.conf')}`,
    `ident_file=${join(folder, 'pg_ident.conf')}`,
    `unix_socket_directories=${folder}`,
    'unix_socket_permissions=0700',
    `port=${PORT}`,
    'listen_addresses=',
    'external_pid_file=',
    'max_connections=20',
    `max_prepared_transactions=${preparedMax}`,
    `shared_buffers=${BUFFERS}`,
    'huge_pages=off',
    `fsync=${sync}`,
    `full_page_writes=${sync}`,
    'autovacuum=off',
    'archive_mode=off',
    'wal_level=replica',
    'max_wal_senders=0',
    'hot_standby=off',
    'primary_conninfo=',
    'primary_slot_name=',
    'restore_command=false',
    'recovery_target=immediate',
    // One call for the whole disk instead of one for each of some thousand files.
    ...(process.platform === 'linux' ? ['recovery_init_sync_method=syncfs'] : []),
    'recovery_target_action=promote',
    'recovery_target_timeline=current',
    'synchronous_standby_names=',
    'max_logical_replication_workers=0',
    'shared_preload_libraries=',
    'session_preload_libraries=',
    'local_preload_libraries=',
    // Since 17 a trigger may fire at each login.
    ...(major >= 17 ? ['event_triggers=off'] : []),
    'default_transaction_read_only=off',
    'logging_collector=off',
    'log_destination=stderr',
    'log_min_messages=warning',
    'log_statement=none',
    'lc_messages=C',
    'ssl=off',
    'jit=off',
  ];
}

async function waitUntilRecovered(
  address: Address,
  running: Promise<CommandResult>,
  copy: CopyOnDisk,
  effect: Effect,
): Promise<void> {
  const ended: { result: CommandResult | null } = { result: null };
  const failed: { error: Error | null } = { error: null };
  void running.then(
    (result) => void (ended.result = result),
    (error: unknown) => void (failed.error = error instanceof Error ? error : new Error('it did not start')),
  );
  const endsAtMs = effect.clock.nowMs() + copy.timeoutSeconds * 1000;
  for (let pauseMs = POLL_MS; ; pauseMs = Math.min(POLL_MS_MAX, pauseMs * POLL_GROWTH)) {
    effect.signal.throwIfAborted();
    if (failed.error !== null) throw failed.error;
    if (ended.result !== null) throw notRecovered(ended.result, copy);
    if (await answers(address, effect)) return;
    if (effect.clock.nowMs() >= endsAtMs) {
      throw problem('backup-failed', `the copy was not recovered within ${copy.timeoutSeconds} s`, {
        where: copy.directory,
        next: 'Raise physical.timeout of the store.',
        retry: true,
      });
    }
    await effect.clock.sleep(pauseMs, effect.signal);
  }
}

async function answers(address: Address, effect: Effect): Promise<boolean> {
  const failure = { kind: 'backup-invalid', what: 'the copy cannot be read' } as const;
  try {
    await withSession({ address, effect, failure }, (session) => session.query('SELECT 1'));
    return true;
  } catch (error) {
    // Not there yet, or still in its recovery.
    if (isProblem(error) && error.retry) return false;
    throw error;
  }
}

function notRecovered(result: CommandResult, { directory }: CopyOnDisk): Problem {
  const reasons = result.stderr.split('\n').filter((line) => /FATAL|PANIC|ERROR|HINT/.test(line));
  const said = { ...result, stdout: '', stderr: (reasons.length > 0 ? reasons : [result.stderr]).join('\n') };
  return problem('backup-invalid', `no server starts on the copy${lastLinesOf(said)}`, {
    where: directory,
    next: 'Use another backup: shipway backup list shows them.',
  });
}

function requireCleanEnd(result: CommandResult, { directory }: CopyOnDisk, effect: Effect): void {
  effect.signal.throwIfAborted();
  if (result.exitCode === 0) return;
  throw problem('backup-failed', `the server on the copy did not end well${lastLinesOf({ ...result, stdout: '' })}`, {
    where: dirname(directory),
    next: 'Try again; when it happens again, look at the memory and the disk of this machine.',
    retry: true,
  });
}
