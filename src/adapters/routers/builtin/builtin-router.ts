import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isProblem, problem } from '../../../core/release/problem.ts';
import { realClock } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { readText, removeTree } from '../../../platform/files.ts';
import { request } from '../../../platform/http-client.ts';
import { stopByEnvironment } from '../../../platform/process-table.ts';
import type { ObservedSlot, Router, RouterState } from '../router.ts';
import { askPrimary, askPrimaryOnce, notAnswering, refusedByRouter, routerProcesses } from './admin-client.ts';
import type { AdminReply, RouterReport } from './admin-client.ts';
import { codeFingerprint } from './code-fingerprint.ts';
import { routerEntry } from './router-entry.ts';
import { HOME_VARIABLE, stateFile } from './router-home.ts';
import type { BuiltinRouterSettings } from './settings.ts';
import { servingReport, startRouter } from './start-router.ts';
import { PROBE_HEADER, SLOT_HEADER, mistakeIn, parseStoredState } from './stored-state.ts';

const DRAIN_POLL_MS = 20; // each costs every worker one message
const PROBE_LIMIT_MS = 5000; // of one request; an instance that takes longer to answer HEAD / did not answer
const SERVE_LIMIT_MS = 20_000; // of new code that has taken over; its workers served before it did
const STOP_LIMIT_MS = 5000; // for requests in flight when the router is stopped

/** The router of one service in one environment. It is a process of its own: opening it touches nothing. */
export function openBuiltinRouter(
  settings: BuiltinRouterSettings,
  scope: { service: string; environment: string },
  entry: string = routerEntry(),
): Router {
  const directoryOf = (effect: Effect): string =>
    join(effect.stateDirectory, 'routers', `${scope.service}.${scope.environment}`);
  return {
    kind: 'builtin',
    ensureRunning: (effect) => ensureRunning(directoryOf(effect), settings.listen, entry, effect),
    observe: (effect) => observe(directoryOf(effect), effect),
    put: (state, effect) => put(directoryOf(effect), state, effect),
    drained: (slotId, limitSeconds, effect) => drained(directoryOf(effect), slotId, limitSeconds, effect),
    cut: (slotId, effect) => cut(directoryOf(effect), slotId, effect),
    probe: (count, effect) => probe(directoryOf(effect), settings.listen, count, effect),
    stop: (effect) => stop(directoryOf(effect), effect),
  };
}

async function ensureRunning(
  directory: string,
  listen: { host: string; port: number },
  entry: string,
  effect: Effect,
): Promise<{ host: string; port: number }> {
  const running = await askPrimary(directory, { method: 'GET', path: '/state', signal: effect.signal });
  const report =
    running === null ? await startRouter(directory, listen, entry, effect) : readReport(running, directory);
  const { host, port } = report.listen;
  if (host !== listen.host || (listen.port !== 0 && port !== listen.port)) throw listensElsewhere(report, listen);
  if (running !== null && report.code !== (await codeFingerprint(entry))) await upgrade(directory, entry, effect);
  return { host, port };
}

/** Another version of shipway than the one that started the router: the router gets our code, without losing a request. */
async function upgrade(directory: string, entry: string, effect: Effect): Promise<void> {
  const body = { execPath: process.execPath, entry };
  const reply = await askPrimaryOnce(directory, { method: 'POST', path: '/upgrade', body });
  if (reply?.status === 200) {
    const untilMs = performance.now() + SERVE_LIMIT_MS;
    while ((await servingReport(directory)) === null) {
      effect.signal.throwIfAborted();
      const pids = routerProcesses(directory);
      if (pids.length === 0) break;
      if (performance.now() > untilMs) throw notAnswering(directory, pids, SERVE_LIMIT_MS);
      await delay(DRAIN_POLL_MS);
    }
    return effect.report('the router runs the code of this version of shipway now');
  }
  // The router that runs goes on; a release must not fail because of that.
  effect.report(`the router keeps its older code: ${reply?.body.message ?? 'it did not answer'}`);
}

function readReport(reply: AdminReply, directory: string): RouterReport {
  if (reply.status !== 200) throw refusedByRouter('tell its state', reply, directory);
  return reply.body as unknown as RouterReport;
}

async function reportOf(directory: string, effect: Effect): Promise<RouterReport | null> {
  const reply = await askPrimary(directory, { method: 'GET', path: '/state', signal: effect.signal });
  return reply === null ? null : readReport(reply, directory);
}

async function observe(
  directory: string,
  effect: Effect,
): Promise<{ generation: number; slots: ObservedSlot[] } | null> {
  const report = await reportOf(directory, effect);
  if (report === null) return null;
  const wanted = report.slots.map((slot) => ({ ...slot, inFlight: report.inFlight[slot.id] ?? 0 }));
  const known = new Set(report.slots.map((slot) => slot.id));
  const leaving = Object.entries(report.inFlight)
    .filter(([id, inFlight]) => !known.has(id) && inFlight > 0)
    // The router forgets the rest of a slot when it is no longer wanted.
    .map(([id, inFlight]) => ({ id, release: '', version: '', host: '', port: 0, weight: 0, inFlight }));
  return { generation: report.generation, slots: [...wanted, ...leaving] };
}

async function put(directory: string, state: RouterState, effect: Effect): Promise<void> {
  const mistake = mistakeIn(state);
  if (mistake !== null) {
    const next = 'This is a mistake in shipway: report it with the output of the command.';
    throw problem('internal', `the state for the router is wrong: ${mistake}`, { where: directory, next });
  }
  const reply = await askPrimary(directory, { method: 'PUT', path: '/state', body: state, signal: effect.signal });
  if (reply === null) throw notRunning(directory);
  if (reply.status === 200) return;
  if (reply.status === 409) throw overtaken(directory, state, reply.body);
  throw refusedByRouter('take the new state', reply, directory);
}

async function drained(
  directory: string,
  slotId: string,
  limitSeconds: number,
  effect: Effect,
): Promise<'drained' | 'timeout'> {
  // Not by the wall clock: one that is set forward meanwhile would have requests cut that had time left.
  const untilMs = performance.now() + (limitSeconds * 1000) / effect.clock.speed;
  for (;;) {
    const report = await reportOf(directory, effect);
    // A router that does not run has nothing in flight.
    if (report === null || (report.inFlight[slotId] ?? 0) === 0) return 'drained';
    if (performance.now() >= untilMs) return 'timeout';
    await effect.clock.sleep(DRAIN_POLL_MS * effect.clock.speed, effect.signal);
  }
}

async function cut(directory: string, slotId: string, effect: Effect): Promise<void> {
  const body = { slot: slotId };
  const reply = await askPrimary(directory, { method: 'POST', path: '/cut', body, signal: effect.signal });
  if (reply !== null && reply.status !== 200) throw refusedByRouter(`cut ${slotId}`, reply, directory);
}

async function probe(
  directory: string,
  listen: { host: string; port: number },
  count: number,
  effect: Effect,
): Promise<string[]> {
  const text = await readText(stateFile(directory));
  const state = text === null ? null : parseStoredState(text);
  const report = await reportOf(directory, effect);
  if (state === null || report === null) throw notRunning(directory);
  const url = `http://${reachable(listen.host)}:${report.listen.port}/`;
  const slots: string[] = [];
  for (let sent = 0; sent < count; sent += 1) {
    const slot = await probeOnce(url, state.probeKey, effect);
    if (slot !== null) slots.push(slot);
  }
  return slots;
}

/** HEAD, because it may change nothing in the service; the answer counts whatever its status is. */
async function probeOnce(url: string, probeKey: string, effect: Effect): Promise<string | null> {
  try {
    const headers = { [PROBE_HEADER]: probeKey };
    const answer = await request({ method: 'HEAD', url, headers, timeoutMs: PROBE_LIMIT_MS, signal: effect.signal });
    return answer.headers[SLOT_HEADER] ?? null;
  } catch (error) {
    effect.signal.throwIfAborted();
    if (isProblem(error) && error.kind === 'unreachable') return null;
    throw error;
  }
}

/** An address that means "all of this machine" is reached over loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

async function stop(directory: string, effect: Effect): Promise<void> {
  await askPrimaryOnce(directory, { method: 'POST', path: '/stop', body: { limitMs: STOP_LIMIT_MS } });
  const untilMs = performance.now() + STOP_LIMIT_MS * 2;
  while (routerProcesses(directory).length > 0 && performance.now() < untilMs) {
    effect.signal.throwIfAborted();
    await delay(DRAIN_POLL_MS);
  }
  await stopByEnvironment(HOME_VARIABLE, (value) => value === directory, STOP_LIMIT_MS / 1000, realClock);
  await removeTree(join(directory, 'start-failed.json'));
}

function notRunning(directory: string): Error {
  return problem('router-failed', 'the router is not running', {
    where: directory,
    next: 'Run the same command again: it starts the router first.',
    retry: true,
  });
}

function overtaken(directory: string, state: RouterState, said: AdminReply['body']): Error {
  const has = String(said.generation);
  const why = said.error === 'older' ? `it is at ${has} already` : 'it has that generation with other slots';
  return problem('stale-worker', `the router refused generation ${state.generation}: ${why}`, {
    where: directory,
    next: 'Somebody else switched the traffic meanwhile: look with "shipway status" what runs, then decide again.',
  });
}

function listensElsewhere(report: RouterReport, listen: { host: string; port: number }): Error {
  const { host, port } = report.listen;
  return problem(
    'refused',
    `the router listens on ${host}:${port}, the release file says ${listen.host}:${listen.port}`,
    {
      where: 'router.builtin.listen',
      next: `Write listen: ${host}:${port} again; or stop the router with "kill ${report.pid}" (requests are refused until the next release starts it).`,
    },
  );
}
