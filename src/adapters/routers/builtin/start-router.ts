import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { problem } from '../../../core/release/problem.ts';
import { createOnce } from '../../../platform/claim.ts';
import { ensureDirectory, exists, readText, removeTree } from '../../../platform/files.ts';
import { holderOfPort } from '../../../platform/port-holder.ts';
import { chooseFreePort } from '../../../platform/ports.ts';
import { identify } from '../../../platform/process-table.ts';
import { startDetached } from '../../../platform/run-command.ts';
import type { Effect } from '../../../platform/effect.ts';
import { askPrimaryOnce, routerProcesses } from './admin-client.ts';
import type { RouterReport } from './admin-client.ts';
import { failureFile, logFile, routerArgv, routerEnvironment, socketFolderFor } from './router-home.ts';
import type { RouterHome } from './router-home.ts';
import type { StartFailure } from './serve.ts';

const START_LIMIT_MS = 20_000; // 0.2 s on a quiet machine
const OTHER_START_LIMIT_MS = 3000; // when somebody else of us took the port a moment before
const LOOK_MS = 1000; // looking through the process table costs milliseconds
const POLL_MS = 5;

/** Starts the processes of a router that has none, and returns when it serves. Two who do this at once get the same router. */
export async function startRouter(
  directory: string,
  listen: { host: string; port: number },
  entry: string,
  effect: Effect,
): Promise<RouterReport> {
  if (!exists(entry)) throw notCompiled(entry);
  await ensureDirectory(directory);
  const home = await homeFor(directory, listen);
  await removeTree(failureFile(directory));
  const start = () =>
    startDetached({
      argv: routerArgv({ execPath: process.execPath, entry }, 'open', home),
      cwd: directory,
      environment: routerEnvironment(directory, 'open'),
      outputFile: logFile(directory),
    });
  await start();
  const beganMs = performance.now();
  let lookAtMs = beganMs + LOOK_MS;
  while (performance.now() < beganMs + START_LIMIT_MS) {
    effect.signal.throwIfAborted();
    const report = await servingReport(directory);
    if (report !== null) return report;
    const failure = await readFailure(directory);
    if (failure !== null) return afterFailure(directory, home, failure);
    if (performance.now() > lookAtMs) {
      lookAtMs = performance.now() + LOOK_MS;
      if (routerProcesses(directory).length === 0) await start(); // somebody killed it while it came up
    }
    await delay(POLL_MS);
  }
  throw problem('router-failed', `the router did not start within ${START_LIMIT_MS / 1000} s`, {
    where: logFile(directory),
    next: `Look into ${logFile(directory)} and run the same command again.`,
    retry: true,
  });
}

/** The report of a router that accepts connections, or null. */
export async function servingReport(directory: string): Promise<RouterReport | null> {
  const reply = await askPrimaryOnce(directory, { method: 'GET', path: '/state' });
  if (reply === null || reply.status !== 200) return null;
  const report = reply.body as unknown as RouterReport;
  return report.workers.some((worker) => worker.isServing && !worker.isRetiring) ? report : null;
}

async function homeFor(directory: string, listen: { host: string; port: number }): Promise<RouterHome> {
  const port = listen.port === 0 ? await chosenPort(directory, listen.host) : listen.port;
  return { directory, sockets: socketFolderFor(directory), listen: { host: listen.host, port } };
}

/** Written down by the first who asks: callers know the port, so it stays, and two who start at once must mean the same one. */
async function chosenPort(directory: string, host: string): Promise<number> {
  const file = join(directory, 'port');
  if (!exists(file)) await createOnce(file, String(await chooseFreePort(host)));
  return Number(await readText(file));
}

async function readFailure(directory: string): Promise<StartFailure | null> {
  const text = await readText(failureFile(directory));
  return text === null ? null : (JSON.parse(text) as StartFailure);
}

async function afterFailure(directory: string, home: RouterHome, failure: StartFailure): Promise<RouterReport> {
  const { host, port } = home.listen;
  if (failure.code === 'EADDRINUSE') {
    const untilMs = performance.now() + OTHER_START_LIMIT_MS;
    while (performance.now() < untilMs && routerProcesses(directory).length > 0) {
      const report = await servingReport(directory);
      if (report !== null) return report;
      await delay(POLL_MS);
    }
    throw portTaken(host, port, failure);
  }
  if (failure.code === 'EACCES' || failure.code === 'EADDRNOTAVAIL') {
    throw problem('not-permitted', `the router cannot listen on ${host}:${port}: ${failure.message}`, {
      where: `${host}:${port}`,
      next: 'Choose another address in "listen:" (a port above 1023 for an ordinary user, an address of this machine).',
    });
  }
  const kind = failure.code === 'disk-full' || failure.code === 'not-permitted' ? failure.code : 'router-failed';
  throw problem(kind, failure.message, {
    where: logFile(directory),
    next: failure.next ?? `Look into ${logFile(directory)} and run the same command again.`,
  });
}

function portTaken(host: string, port: number, failure: StartFailure): Error {
  const pid = holderOfPort(port);
  const holder = pid === null || identify(pid) === null ? 'another process' : `the process with pid ${pid}`;
  const look = pid === null ? `ss -ltnp "sport = :${port}"` : `ps -p ${pid}`;
  return problem('router-failed', `port ${port} of ${host} is taken by ${holder}`, {
    where: `${host}:${port}`,
    next: `Stop it (${look}), or choose another port in "listen:".`,
    cause: failure.message,
  });
}

function notCompiled(entry: string): Error {
  return problem('router-failed', `the program of the router is missing: ${entry}`, {
    where: entry,
    next: 'Install shipway again, or run "npm run build" in its sources.',
  });
}
