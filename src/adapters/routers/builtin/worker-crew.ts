import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { findByEnvironment, isAlive } from '../../../platform/process-table.ts';
import type { ProcessIdentity } from '../../../platform/process-table.ts';
import { askMember, killWorker, retireMember } from './crew-member.ts';
import type { Member } from './crew-member.ts';
import { note } from './note.ts';
import { HOME_VARIABLE, ROLE_VARIABLE } from './router-home.ts';
import type { StoredState } from './stored-state.ts';
import { receiveMessages, sendMessage } from './worker-messages.ts';
import type { ToPrimary, ToWorker } from './worker-messages.ts';
import { createWorkerStarts } from './worker-starts.ts';
import type { WorkerStarts } from './worker-starts.ts';

export interface CrewOptions {
  directory: string;
  /** This primary, as its workers shall know it. */
  primary: string;
  state(): StoredState;
  /** Starts one worker; `onExit` is called when it ends. Returns its pid, or null when it could not be started. */
  startWorker(onExit: () => void): number | null;
}

/** The workers of one primary. */
export interface Crew {
  options: CrewOptions;
  members: Set<Member>;
  starts: WorkerStarts;
  /** Workers of another primary that have not joined yet. */
  expected: ProcessIdentity[];
  isKeptFull: boolean;
  isServing: boolean;
  /** Set when the router is stopped: whoever joins now is sent home. */
  endLimitMs: number | null;
}

const WORKERS = 2; // one crash then never closes the port, and an upgrade keeps one busy while the other begins
const JOIN_LIMIT_MS = 3000; // a worker seeks its primary every 20 ms
const JOIN_POLL_MS = 10;
const SURPLUS_LIMIT_MS = 60_000; // its requests have as long as those of a stopping version usually get

export function createCrew(options: CrewOptions): Crew {
  const starts = createWorkerStarts(
    (onExit) => options.startWorker(onExit),
    () => fill(crew),
  );
  const crew: Crew = {
    options,
    members: new Set(),
    starts,
    expected: [],
    isKeptFull: false,
    isServing: false,
    endLimitMs: null,
  };
  return crew;
}

function staying(crew: Crew): Member[] {
  return [...crew.members].filter((member) => !member.isRetiring);
}

function fill(crew: Crew): void {
  if (!crew.isKeptFull || crew.starts.isPaused()) return;
  const there = staying(crew).length + crew.starts.starting.size + crew.expected.length;
  for (let count = there; count < WORKERS; count += 1) crew.starts.startOne();
}

/** Keeps two workers running from now on. */
export function keepFull(crew: Crew): void {
  crew.isKeptFull = true;
  fill(crew);
}

/** Takes a connection from a worker. */
export function welcome(crew: Crew, socket: Socket): void {
  let member: Member | null = null;
  socket.on('error', () => undefined); // `close` follows
  socket.on('close', () => member && lose(crew, member));
  receiveMessages<ToPrimary>(socket, (message) => {
    switch (message.kind) {
      case 'hello':
        member ??= greet(crew, socket, message);
        return;
      case 'answer':
        return member?.asked.get(message.ask)?.(message.inFlight);
      case 'serving':
        if (member !== null) member.isServing = true;
        return crew.starts.succeeded();
    }
  });
}

function greet(crew: Crew, socket: Socket, hello: Extract<ToPrimary, { kind: 'hello' }>): Member {
  const { pid, startedAt, isServing, isRetiring } = hello;
  const isOwn = crew.starts.own.has(pid);
  const member: Member = { socket, identity: { pid, startedAt }, isOwn, isServing, isRetiring, asked: new Map() };
  crew.members.add(member);
  crew.starts.starting.delete(pid);
  crew.expected = crew.expected.filter((one) => one.pid !== pid);
  void askMember(member, (ask) => ({ kind: 'state', ask, state: crew.options.state() }));
  if (crew.endLimitMs !== null) retireMember(member, crew.endLimitMs);
  else if (crew.isServing) sendMessage(socket, { kind: 'serve', primary: crew.options.primary });
  return member;
}

function lose(crew: Crew, member: Member): void {
  crew.members.delete(member);
  for (const resolve of member.asked.values()) resolve({}); // what it had in flight ended with it
  if (crew.isKeptFull && !member.isRetiring) note(`worker ${member.identity.pid} is gone`);
  fill(crew);
}

/** From now on the workers accept connections; before that they only get ready. */
export function beginServing(crew: Crew): void {
  crew.isServing = true;
  for (const { socket } of crew.members) sendMessage(socket, { kind: 'serve', primary: crew.options.primary });
}

/** Every worker of another primary that runs now must join; one that does not in time is killed, because it serves a state of its own. */
export function expectOthers(crew: Crew): void {
  const known = new Set([...crew.starts.own, ...[...crew.members].map((member) => member.identity.pid)]);
  const workers = findByEnvironment(ROLE_VARIABLE, (role) => role === 'worker').map(({ identity }) => identity.pid);
  crew.expected = findByEnvironment(HOME_VARIABLE, (home) => home === crew.options.directory)
    .map(({ identity }) => identity)
    .filter(({ pid }) => workers.includes(pid) && !known.has(pid));
  setTimeout(() => {
    for (const one of crew.expected) killWorker(one, 'did not join the new primary');
  }, JOIN_LIMIT_MS);
}

/** Resolves when nobody is expected any more. */
export async function settled(crew: Crew): Promise<void> {
  if (crew.expected.length === 0) return;
  while (crew.expected.length > 0) {
    await delay(JOIN_POLL_MS);
    crew.expected = crew.expected.filter(isAlive);
  }
  fill(crew);
}

function askAll(crew: Crew, make: (ask: number) => ToWorker): Promise<Record<string, number>[]> {
  return Promise.all([...crew.members].map((member) => askMember(member, make)));
}

/** All workers have applied the state when it resolves; one that is stuck is killed and replaced. */
export async function spread(crew: Crew, state: StoredState): Promise<void> {
  await askAll(crew, (ask) => ({ kind: 'state', ask, state }));
}

/** In flight per slot, summed over all workers. */
export async function inFlightOf(crew: Crew): Promise<Record<string, number>> {
  const total: Record<string, number> = {};
  for (const counts of await askAll(crew, (ask) => ({ kind: 'count', ask }))) {
    for (const [slot, count] of Object.entries(counts)) total[slot] = (total[slot] ?? 0) + count;
  }
  return total;
}

/** All workers have ended what they had in flight on the slot when it resolves. */
export async function cutSlot(crew: Crew, slot: string): Promise<void> {
  await askAll(crew, (ask) => ({ kind: 'cut', ask, slot }));
}

/** Retires the workers that another primary started. */
export function retireOthers(crew: Crew, limitMs: number): void {
  for (const member of staying(crew)) if (!member.isOwn) retireMember(member, limitMs);
}

/** Retires workers beyond two; there are some when two primaries came up in the moment of a crash. */
export function trim(crew: Crew): void {
  const surplus = staying(crew).length - WORKERS;
  if (surplus <= 0) return;
  const othersFirst = staying(crew).toSorted((a, b) => Number(a.isOwn) - Number(b.isOwn));
  for (const member of othersFirst.slice(0, surplus)) retireMember(member, SURPLUS_LIMIT_MS);
}

/** Ends the whole crew, politely up to the limit. */
export function retireAll(crew: Crew, limitMs: number): void {
  crew.isKeptFull = false;
  crew.endLimitMs = limitMs;
  for (const member of crew.members) retireMember(member, limitMs);
}

/** Tells the workers to join the next primary and lets them go. */
export function handOver(crew: Crew): void {
  crew.isKeptFull = false;
  for (const { socket } of crew.members) {
    sendMessage(socket, { kind: 'rejoin' });
    socket.end();
  }
}
