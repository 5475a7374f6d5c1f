import { setTimeout as delay } from 'node:timers/promises';
import { isProblem, problem } from '../../../core/release/problem.ts';
import type { ProblemKind } from '../../../core/release/problem.ts';
import { readTextAtOnce } from '../../../platform/files-at-once.ts';
import { request } from '../../../platform/http-client.ts';
import { findByEnvironment } from '../../../platform/process-table.ts';
import type { Slot } from '../router.ts';
import { HOME_VARIABLE, adminSocket, logFile, recordFile } from './router-home.ts';
import type { RouterRecord } from './router-home.ts';

/** What the primary tells about the router. */
export interface RouterReport {
  generation: number;
  slots: Slot[];
  inFlight: Record<string, number>;
  workers: { pid: number; isOwn: boolean; isServing: boolean; isRetiring: boolean }[];
  code: string;
  listen: { host: string; port: number };
  pid: number;
}

export interface AdminReply {
  status: number;
  /** A report, or what went wrong. */
  body: { error?: string; message?: string; next?: string; generation?: number };
}

const ANSWER_LIMIT_MS = 30_000; // an upgrade starts three Node processes; everything else takes milliseconds
const HEIR_LIMIT_MS = 10_000; // after its primary died, a router has a new one in 0.2 s; a loaded machine takes longer
const RETRY_MS = 10;
const REPLACED = 503; // the primary asked is just being replaced

/** What the last primary wrote about itself, or null. */
export async function readRecord(directory: string): Promise<RouterRecord | null> {
  const text = readTextAtOnce(recordFile(directory));
  if (text === null) return null;
  try {
    return JSON.parse(text) as RouterRecord;
  } catch {
    return null;
  }
}

/** Pids of all processes of this router, whoever started them. */
export function routerProcesses(directory: string): number[] {
  return findByEnvironment(HOME_VARIABLE, (value) => value === directory).map(({ identity }) => identity.pid);
}

/** Asks the primary once; null when there is none to ask. */
export async function askPrimaryOnce(
  directory: string,
  ask: { method: string; path: string; body?: object; signal?: AbortSignal },
): Promise<AdminReply | null> {
  const record = await readRecord(directory);
  if (record === null) return null;
  try {
    const answer = await request({
      method: ask.method,
      url: `http://router${ask.path}`,
      socketPath: adminSocket(record.home),
      timeoutMs: ANSWER_LIMIT_MS,
      ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
      ...(ask.signal === undefined ? {} : { signal: ask.signal }),
    });
    if (answer.status === REPLACED) return null;
    return { status: answer.status, body: JSON.parse(answer.body) as AdminReply['body'] };
  } catch (error) {
    ask.signal?.throwIfAborted();
    if (isProblem(error) && error.kind === 'unreachable') return null;
    throw error;
  }
}

/**
 * Asks the primary, and while its processes live without one waits for its heir. Null when no process of the router is left.
 * Only for asks that are harmless when done twice.
 */
export async function askPrimary(
  directory: string,
  ask: { method: string; path: string; body?: object; signal?: AbortSignal },
): Promise<AdminReply | null> {
  const untilMs = performance.now() + HEIR_LIMIT_MS;
  for (;;) {
    const reply = await askPrimaryOnce(directory, ask);
    if (reply !== null) return reply;
    const pids = routerProcesses(directory);
    if (pids.length === 0) return null;
    if (performance.now() > untilMs) throw notAnswering(directory, pids, HEIR_LIMIT_MS);
    await delay(RETRY_MS);
  }
}

/** The problem of a router whose processes live but serve nobody. */
export function notAnswering(directory: string, pids: number[], limitMs: number): Error {
  return problem(
    'router-failed',
    `the router runs (pid ${pids.join(', ')}) but does not answer within ${limitMs / 1000} s`,
    {
      where: logFile(directory),
      next: `Look into ${logFile(directory)}. If it says nothing: kill ${pids.join(' ')}, then run the same command again.`,
      retry: true,
    },
  );
}

const PASSED_ON: readonly ProblemKind[] = ['disk-full', 'not-permitted', 'router-failed'];

/** What a refused ask means to a person. */
export function refusedByRouter(what: string, reply: AdminReply, directory: string): Error {
  const said = reply.body.message ?? `status ${reply.status}`;
  const kind = PASSED_ON.find((one) => one === reply.body.error) ?? 'router-failed';
  const next = reply.body.next ?? `Look into ${logFile(directory)} and run the same command again.`;
  return problem(kind, `the router did not ${what}: ${said}`, { where: directory, next });
}
