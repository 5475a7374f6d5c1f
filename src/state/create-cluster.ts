import { join } from 'node:path';
import { problem } from '../core/release/problem.ts';
import { claimByRename, createFolderOnce } from '../platform/claim.ts';
import { realClock } from '../platform/clock.ts';
import { exists, listDirectory, removeTree } from '../platform/files.ts';
import { giveTo } from '../platform/ownership.ts';
import { identify, isAlive } from '../platform/process-table.ts';
import type { ProcessIdentity } from '../platform/process-table.ts';
import { runCommand } from '../platform/run-command.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { updateRecord } from './postgres-place.ts';
import type { PostgresPlace } from './postgres-place.ts';
import { explainStartFailure, startProblem } from './start-problem.ts';

const INITDB_LIMIT_SECONDS = 120; // 1.5 s on an idle machine, 3.1 s on a loaded one; slow disks take longest to sync
const POLL_MS = 25;

/**
 * Makes the data directory if it was never made. It is filled under another name and renamed when complete, so that a half one is never used,
 * and of several processes exactly one keeps its own. Whoever sees a living one at work waits instead of doing the same.
 */
export async function ensureCluster(place: PostgresPlace, binaries: PostgresBinaries): Promise<PostgresPlace> {
  const deadlineMs = realClock.nowMs() + INITDB_LIMIT_SECONDS * 1000;
  while (!exists(join(place.data, 'PG_VERSION'))) {
    if (place.record.initialised) throw lostCluster(place);
    if (realClock.nowMs() > deadlineMs)
      throw startProblem('another process does not finish its data directory', [], {
        data: place.data,
        next: `End the other shipway process, remove the folders new.* in ${place.folder}, and try again.`,
      });
    await takeTurn(place, binaries);
  }
  return place.record.initialised ? place : updateRecord(place, { initialised: true });
}

async function takeTurn(place: PostgresPlace, binaries: PostgresBinaries): Promise<void> {
  const own = folderName();
  if ((await elders(place, own)).length > 0) return realClock.sleep(POLL_MS);
  const folder = join(place.folder, own);
  if (!(await createFolderOnce(folder))) return realClock.sleep(POLL_MS); // another call in this very process
  try {
    if (place.user !== null) await giveTo(folder, place.user);
    // Two may have begun in the same moment: the first by name goes on. Were both to go on, the rename would still choose one.
    const first = [own, ...(await elders(place, own))].sort()[0];
    if (first !== own) return;
    await initialise(folder, place, binaries);
    await claimByRename(join(folder, 'data'), place.data);
  } finally {
    await removeTree(folder);
  }
}

async function initialise(folder: string, place: PostgresPlace, binaries: PostgresBinaries): Promise<void> {
  const result = await runCommand({
    argv: [
      join(binaries.programs, 'initdb'),
      `--pgdata=${join(folder, 'data')}`,
      '--username=shipway',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8', // the builtin provider sorts alike on every machine; libc's C.UTF-8 is missing on some
      '--auth-local=trust',
      '--auth-host=reject',
      '--no-instructions',
      // With little memory (64 MB of /dev/shm in a container) the sizes initdb tries by itself do not fit.
      '--set=dynamic_shared_memory_type=mmap',
      '--set=shared_buffers=32MB',
      '--set=max_connections=200',
    ],
    cwd: folder,
    environment: { LC_ALL: 'C', TZ: 'UTC', ...binaries.environment },
    timeoutSeconds: INITDB_LIMIT_SECONDS,
    ...place.user,
  });
  if (result.exitCode === 0) return;
  const lines = `${result.stdout}\n${result.stderr}`.split('\n');
  const failure = explainStartFailure(lines, place.data);
  throw failure.kind === 'problem'
    ? failure.problem
    : startProblem('initdb failed', lines, { data: place.data, next: 'Run the same command again.' });
}

function folderName(): string {
  const self = identify(process.pid);
  if (self === null) throw new Error('this process is not in the process table');
  return `new.${self.pid}.${Buffer.from(self.startedAt).toString('hex')}`;
}

/** Folders that other living processes are filling; those of dead ones are removed. */
async function elders(place: PostgresPlace, own: string): Promise<string[]> {
  const living: string[] = [];
  for (const name of listDirectory(place.folder)) {
    const maker = name === own ? null : makerOf(name);
    if (maker === null) continue;
    if (isAlive(maker)) living.push(name);
    else await removeTree(join(place.folder, name));
  }
  return living;
}

function makerOf(name: string): ProcessIdentity | null {
  const match = /^new\.(\d+)\.([0-9a-f]*)$/.exec(name);
  if (match?.[1] === undefined || match[2] === undefined) return null;
  return { pid: Number(match[1]), startedAt: Buffer.from(match[2], 'hex').toString() };
}

function lostCluster(place: PostgresPlace): Error {
  return problem('database-unavailable', `the record of all releases is gone: ${place.data} does not exist any more`, {
    where: place.data,
    next: `Put the folder back from a backup. To begin with an empty history instead, remove ${join(place.stateDirectory, 'postgres.json')}.`,
  });
}
