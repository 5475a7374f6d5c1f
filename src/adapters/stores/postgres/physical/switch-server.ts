import { join } from 'node:path';
import { problem, type Problem } from '../../../../core/release/problem.ts';
import type { Effect } from '../../../../platform/effect.ts';
import { errorCode } from '../../../../platform/error-code.ts';
import { exists } from '../../../../platform/files.ts';
import { factsOf } from '../../../../platform/file-tree.ts';
import { seesAllOf, workingIn } from '../../../../platform/process-table.ts';
import { howItEnded, lastLinesOf, runDeclaredCommand } from '../../../../platform/run-declared-command.ts';
import { describeAddress } from '../address.ts';
import { withSession } from '../session.ts';
import { systemIdIn, type LocatedServer } from './live-server.ts';
import { isNoAnswer } from './no-answer.ts';

const POLL_MS = 50; // a small server starts in about that time
const DYING_LIMIT_MS = 5000; // what a killed server leaves notices within a second that it is alone

/** A server that may be stopped and started. */
export interface SwitchedServer extends LocatedServer {
  directory: string;
  stop: string[];
  start: string[];
}

/** What the server must be after the swap. */
export interface Expected {
  systemId: string;
}

/** `busy`: nothing answers, but somebody works in the directory: a server on its way up or down, or what a killed one has left. */
type ServerState = 'answers' | 'busy' | 'down';

/** Renaming the directory of a server that runs would split its data in two, so every witness has to agree that it does not. */
async function stateOf({ address, directory }: SwitchedServer, effect: Effect): Promise<ServerState> {
  const failure = { kind: 'restore-failed', what: 'the server cannot be asked' } as const;
  try {
    await withSession({ address, effect, failure }, (session) => session.query('SELECT 1'));
    return 'answers';
  } catch (error) {
    effect.signal.throwIfAborted();
    // A refusal is an answer too. Nothing at all is no proof yet: the address may be of a forwarder, or the socket not made yet.
    if (!isNoAnswer(error)) return 'answers';
    if (errorCode(error instanceof Error ? error.cause : null) === '57P03') return 'busy';
  }
  const facts = await factsOf(directory);
  if (facts === null) return 'down';
  const working = workingIn(facts.identity);
  if (working !== null && working.length > 0) return 'busy';
  // Who may not look at the processes of that user, or at those outside of a container, has the note of the server alone, which a killed one leaves.
  const seesAll = working !== null && seesAllOf(facts.uid);
  return seesAll || !exists(join(directory, 'postmaster.pid')) ? 'down' : 'busy';
}

/** Ends the server and comes back when it is down. Also one that is down is told so: what keeps it alive would start it again meanwhile. */
export async function stopServer(server: SwitchedServer, effect: Effect): Promise<void> {
  const failure = await run(server, 'stop', effect);
  if (failure === null) return waitFor(server, effect, 'down');
  // It fails also where there is nothing to stop.
  if (!(await isGoneSoon(server, effect))) throw failure;
}

/** A killed server is down when its children have noticed. */
async function isGoneSoon(server: SwitchedServer, effect: Effect): Promise<boolean> {
  const endsAtMs = effect.clock.nowMs() + DYING_LIMIT_MS;
  for (;;) {
    const state = await stateOf(server, effect);
    if (state === 'down') return true;
    if (state === 'answers' || effect.clock.nowMs() >= endsAtMs) return false;
    await effect.clock.sleep(POLL_MS, effect.signal);
  }
}

/** Starts the server unless it runs, and comes back when it answers: whether it had to. */
export async function startServer(server: SwitchedServer, effect: Effect): Promise<boolean> {
  if ((await stateOf(server, effect)) === 'answers') return false;
  // Without our token: a server that the command puts into the background must outlive this step.
  const failure = await run(server, 'start', { ...effect, token: '' });
  if (failure !== null) throw failure;
  await waitFor(server, effect, 'answers');
  return true;
}

/** What was wrong with it, or null. */
async function run(
  { settings, stop, start }: SwitchedServer,
  name: 'stop' | 'start',
  effect: Effect,
): Promise<Problem | null> {
  const { env, timeoutSeconds } = settings;
  const declared = { directory: '.', env, timeoutSeconds };
  const argv = name === 'stop' ? stop : start;
  const result = await runDeclaredCommand({ label: name, argv, bindings: {} }, declared, effect);
  const where = `postgres.physical.${name}`;
  if (result.aborted) {
    throw problem('stopped', `the ${name} command was stopped before its end`, {
      where,
      next: 'Nothing: whoever stopped it decides.',
    });
  }
  if (result.exitCode === 0) return null;
  const how = result.timedOut ? `not within ${timeoutSeconds} s` : howItEnded(result);
  return problem(
    'restore-failed',
    `the ${name} command of the PostgreSQL server failed: ${how}${lastLinesOf(result)}`,
    {
      where,
      next: 'Correct the command; then finish the restore, or undo it.',
    },
  );
}

async function waitFor(server: SwitchedServer, effect: Effect, wanted: 'answers' | 'down'): Promise<void> {
  const { timeoutSeconds } = server.settings;
  const endsAtMs = effect.clock.nowMs() + timeoutSeconds * 1000;
  while ((await stateOf(server, effect)) !== wanted) {
    if (effect.clock.nowMs() >= endsAtMs) {
      const what = wanted === 'down' ? 'does not stop' : 'does not start';
      throw problem('restore-failed', `the PostgreSQL server ${what} within ${timeoutSeconds} s`, {
        where: `${describeAddress(server.address)}, ${server.directory}`,
        next: 'Look at its log; then finish the restore, or undo it.',
      });
    }
    await effect.clock.sleep(POLL_MS, effect.signal);
  }
}

/** Throws when another server answers than the one of the restored directory, or one still writes into the replaced one. */
export async function checkStarted(server: SwitchedServer, expected: Expected, replaced: string): Promise<void> {
  const { directory } = server;
  const isThere = exists(join(directory, 'postmaster.pid'));
  if (isThere && (await systemIdIn(directory)) === expected.systemId) return refuseWorkedIn(replaced);
  throw problem('restore-failed', 'the server that answers does not work on the restored directory', {
    where: `${describeAddress(server.address)}, ${directory}`,
    next: 'Undo the restore; make physical.directory, the start command and the url agree, and restore again.',
  });
}

/** Throws when somebody works in the directory: a server would go on writing into data that is out of use, or that is to be deleted. */
export async function refuseWorkedIn(directory: string): Promise<void> {
  const facts = await factsOf(directory);
  const working = facts === null ? null : workingIn(facts.identity);
  if (working === null || working.length === 0) return;
  const pids = working.map(({ pid }) => pid).join(', ');
  throw problem('restore-failed', `a server still works in a directory that is out of use (process ${pids})`, {
    where: directory,
    next: `End it, and whatever starts it again (ps -o user,args -p ${pids.replaceAll(' ', '')}); then run the same command again.`,
  });
}
