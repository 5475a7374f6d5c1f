import { hostname } from 'node:os';
import { DBOS } from '@dbos-inc/dbos-sdk';
import { realClock } from '../platform/clock.ts';
import { homeMark } from '../platform/home-mark.ts';
import { randomId } from '../platform/ids.ts';
import { findByEnvironment, identify, stopAll } from '../platform/process-table.ts';
import { holdAdvisoryLock, type AdvisoryLock } from '../state/advisory-lock.ts';
import { holdExecutorLock, type ExecutorLock } from '../state/executor-lock.ts';
import { registerExecutor } from '../state/executors.ts';
import { watchRequests } from './active-requests.ts';
import { callPerson } from './call-person.ts';
import { createEngine } from './create-engine.ts';
import { durableLogger } from './durable-logger.ts';
import type { EngineParts, Executor } from './engine-parts.ts';
import { releasesToRun } from './releases-to-run.ts';
import { standDown } from './stand-down.ts';
import { takeOverDeadExecutors } from './take-over.ts';
import { registerWorkflows } from './workflows/register.ts';

// Raised only with a migration of running releases: by default it is a hash of the workflows' source, and every edit would orphan them.
const WORKFLOW_VERSION = '1';
const LOOK_AROUND_MS = 250; // how soon a new release or an orphan is noticed; two small queries
const IDLE_ROUNDS = 4; // one second without work: the next command starts a new executor in less
const LAST_GRACE_SECONDS = 1; // others wait for our end before they act

/** Why an executor ended: nothing left to do, or its database (and with it the right to act) was lost. */
export type ExecutorEnd = 'idle' | 'lost';

/**
 * Runs releases until there are none left to run: starts those that wait, takes over those of dead executors, and gives up everything
 * the moment the database is lost.
 */
export async function runExecutor(parts: EngineParts, options: { stopWhenIdle: boolean }): Promise<ExecutorEnd> {
  const executorId = randomId();
  const lock = await holdOwnLock(parts, executorId);
  const executor: Executor = { ...parts, executorId, lost: lock.lost };
  const process_ = identify(process.pid);
  await registerExecutor(parts.database.db, {
    id: executorId,
    project: parts.project,
    host: hostname(),
    pid: process.pid,
    processStartedAt: process_?.startedAt ?? '',
  });
  const requests = watchRequests(executor);
  const start = registerWorkflows(createEngine(executor, requests));
  await launchDurableEngine(executor);
  const ran = new Set<string>();
  const end = await lookAround(executor, start, { ran, stopWhenIdle: options.stopWhenIdle });
  requests.close();
  if (end === 'lost') {
    await stopWhatRuns(executor, ran);
    return end;
  }
  await DBOS.shutdown();
  await lock.release();
  return end;
}

async function holdOwnLock(parts: EngineParts, executorId: string): Promise<ExecutorLock> {
  const lock = await holdExecutorLock(parts.database.pool, executorId);
  if (lock === null) throw new Error(`the random executor id ${executorId} is taken`);
  return lock;
}

async function launchDurableEngine(executor: Executor): Promise<void> {
  DBOS.setConfig({
    name: `shipway ${executor.project}`,
    systemDatabaseUrl: executor.database.connectionString,
    systemDatabasePool: executor.database.pool,
    // The project in it as well: whatever is put back into the queue is run by executors of the same version, whoever they work for.
    applicationVersion: `${WORKFLOW_VERSION} ${executor.project}`,
    executorID: executor.executorId,
    logger: durableLogger(executor.log),
  });
  const turn = await waitForTurn(executor);
  try {
    await DBOS.launch();
  } finally {
    await turn.release();
  }
}

const TURN_WAIT_MS = 30_000; // a launch takes a quarter of a second, on a new database and a busy machine some seconds
const TURN_POLL_MS = 50;

/** The durable engine makes its tables when it is launched, and two that do so at once in a new database stumble over each other. */
async function waitForTurn(executor: Executor): Promise<AdvisoryLock> {
  const until = performance.now() + TURN_WAIT_MS;
  for (;;) {
    const lock = await holdAdvisoryLock(executor.database.pool, 'launch of the durable engine');
    if (lock !== null) return lock;
    if (performance.now() > until) throw new Error('another executor has been launching the durable engine for 30 s');
    await executor.clock.sleep(TURN_POLL_MS, executor.lost);
  }
}

type StartRelease = (workflowId: string, releaseId: string) => Promise<void>;

async function lookAround(
  executor: Executor,
  start: StartRelease,
  how: { ran: Set<string>; stopWhenIdle: boolean },
): Promise<ExecutorEnd> {
  let idleRounds = 0;
  while (!executor.lost.aborted) {
    try {
      await takeOverDeadExecutors(executor, resumeWorkflowsOf);
      const busy = await startOpenReleases(executor, start, how.ran);
      idleRounds = busy ? 0 : idleRounds + 1;
    } catch (error) {
      executor.log.warn({ error: String(error) }, 'could not look around');
    }
    // An error here ends us: nobody would take over from an executor that has signed off and yet goes on.
    if (how.stopWhenIdle && idleRounds >= IDLE_ROUNDS && (await standDown(executor))) return 'idle';
    await executor.clock.sleep(LOOK_AROUND_MS, executor.lost).catch(() => undefined);
  }
  return 'lost';
}

async function resumeWorkflowsOf(executorId: string): Promise<number> {
  const pending = await DBOS.listWorkflows({ executorId, status: 'PENDING' });
  for (const workflow of pending) await DBOS.resumeWorkflow(workflow.workflowID);
  return pending.length;
}

/** Starts every open release that no workflow was begun for; returns whether any release still needs an executor. */
async function startOpenReleases(executor: Executor, start: StartRelease, ran: Set<string>): Promise<boolean> {
  let busy = false;
  for (const release of await releasesToRun(executor)) {
    busy = true;
    const workflowId = `${release.id}.${release.run}`;
    ran.add(release.id);
    const status = await DBOS.getWorkflowStatus(workflowId);
    if (status === null) await start(workflowId, release.id);
    if (status?.status === 'ERROR' || status?.status === 'MAX_RECOVERY_ATTEMPTS_EXCEEDED')
      await callPerson(executor, release, status.error);
  }
  return busy;
}

/** Without a database nobody may act: what our steps run on this machine ends before others start. */
async function stopWhatRuns(executor: Executor, releaseIds: Set<string>): Promise<void> {
  const isOurs = (token: string): boolean => releaseIds.has(token.split('/')[0] ?? '');
  const home = homeMark(executor.stateDirectory);
  await stopAll(
    () => findByEnvironment('SHIPWAY_STEP', isOurs, home).map((found) => found.identity),
    LAST_GRACE_SECONDS,
    realClock,
  );
}
