import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readTextAtOnce } from '../../../platform/files-at-once.ts';
import { ensureDirectory, listDirectory, removeTree, writeAtomically } from '../../../platform/files.ts';
import { identify } from '../../../platform/process-table.ts';
import type { ProcessIdentity } from '../../../platform/process-table.ts';
import { INHERITED_SOCKET, startWithSocket } from '../../../platform/start-with-socket.ts';
import type { RouterState } from '../router.ts';
import { createAdminServer } from './admin-server.ts';
import type { AdminActs, AdminAnswer } from './admin-server.ts';
import { codeFingerprint } from './code-fingerprint.ts';
import type { Member } from './crew-member.ts';
import { note } from './note.ts';
import { askToLetGo, closeInheritedSocket, listenInPlaceOf, listenPrivately } from './primary-sockets.ts';
import {
  adminSocket,
  ownIdentity,
  recordFile,
  routerArgv,
  routerEnvironment,
  stateFile,
  workersSocket,
} from './router-home.ts';
import type { RouterHome, RouterRecord } from './router-home.ts';
import { openStateKeeper } from './state-keeper.ts';
import type { StateKeeper } from './state-keeper.ts';
import * as crews from './worker-crew.ts';
import type { Crew } from './worker-crew.ts';

export interface PrimaryStart {
  /** first: nothing runs yet. heir: the primary died, its workers live. successor: a running primary hands over to new code. */
  mode: 'first' | 'heir' | 'successor';
  home: RouterHome;
  /** The admin socket of the primary that hands over. */
  predecessor?: string;
}

/** What the acts of one primary share. */
interface Office {
  start: PrimaryStart;
  identity: ProcessIdentity;
  code: string;
  keeper: StateKeeper;
  crew: Crew;
  adminPath: string;
  workersPath: string;
  /** Set while a successor is coming up; called with how it ended. */
  handover: ((outcome: 'handed-over' | 'failed') => void) | null;
  /** Acts that change something run one after the other. */
  queue: Promise<unknown>;
}

const READY_LIMIT_MS = 10_000; // two Node processes start in 0.1 s on a quiet machine, in seconds on a full one
const HANDOVER_LIMIT_MS = 15_000; // a little more than the successor takes to give up by itself
const RETIRED_LIMIT_MS = 600_000; // old workers keep their WebSockets and long downloads for ten minutes after an upgrade
const WATCH_MS = 1000; // how long two primaries can exist side by side after a crash; only one of them is asked anything
const LAST_ANSWER_MS = 200; // for the answer that says we are going
const SWEEP_MS = 10_000; // elections are over by then
const TERM_LIMIT_MS = 8000; // below the 10 s that a host gives its processes when it shuts down

/** Holds the state and the workers of one router until it is stopped or replaced. Rejects when it cannot begin. */
export async function runPrimary(start: PrimaryStart): Promise<void> {
  const office = await openOffice(start);
  const { crew, identity } = office;
  await listenPrivately(
    createServer((socket) => crews.welcome(crew, socket)),
    office.workersPath,
  );
  await listenPrivately(createAdminServer(actsOf(office)), office.adminPath);
  if (start.mode !== 'heir') crews.keepFull(crew);
  if (start.mode === 'successor') await waitFor(() => crew.members.size >= 2, 'the new workers did not start');
  // Before anybody can find us: an answer without the workers we wait for would call a slot drained that they still answer for.
  if (start.mode !== 'first') crews.expectOthers(crew);
  await takeOver(office);
  note(`primary (${start.mode}, pid ${identity.pid}) on ${start.home.listen.host}:${start.home.listen.port}`);
  crews.beginServing(crew);
  if (start.mode === 'heir') {
    crews.keepFull(crew);
    await crews.settled(crew);
  }
  if (start.mode === 'successor') await replaceOthers(office);
  keepWatch(office);
}

async function openOffice(start: PrimaryStart): Promise<Office> {
  const { home } = start;
  await ensureDirectory(home.sockets);
  const identity = ownIdentity();
  const keeper = await openStateKeeper(stateFile(home.directory));
  const workersPath = join(home.sockets, `workers-${identity.pid}.sock`);
  const entry = process.argv[1] ?? '';
  const crew = crews.createCrew({
    directory: home.directory,
    primary: `${identity.pid}-${identity.startedAt}`,
    state: () => keeper.current(),
    startWorker: (onExit) =>
      startWithSocket(
        {
          argv: routerArgv({ execPath: process.execPath, entry }, 'worker', { home, primarySocket: workersPath }),
          cwd: home.directory,
          environment: routerEnvironment(home.directory, 'worker'),
          socket: INHERITED_SOCKET,
        },
        onExit,
      ),
  });
  const code = await codeFingerprint(entry);
  const adminPath = join(home.sockets, `admin-${identity.pid}.sock`);
  return { start, identity, code, keeper, crew, adminPath, workersPath, handover: null, queue: Promise.resolve() };
}

function workersServer({ crew }: Office): Server {
  return createServer((socket) => crews.welcome(crew, socket));
}

/** From here on everybody finds this primary under the known names; the names of its own stay for those who mean this very one. */
async function takeOver(office: Office): Promise<void> {
  const { home } = office.start;
  const record: RouterRecord = { primary: office.identity, home, code: office.code };
  await listenInPlaceOf(workersServer(office), workersSocket(home));
  await listenInPlaceOf(createAdminServer(actsOf(office)), adminSocket(home));
  await writeAtomically(recordFile(home.directory), JSON.stringify(record));
}

async function replaceOthers({ start, crew }: Office): Promise<void> {
  if (start.predecessor !== undefined) await askToLetGo(start.predecessor);
  await crews.settled(crew);
  await waitFor(
    () => [...crew.members].filter((one) => one.isOwn && one.isServing).length >= 2,
    'the new workers do not serve',
  );
  crews.retireOthers(crew, RETIRED_LIMIT_MS);
}

async function waitFor(condition: () => boolean, failure: string): Promise<void> {
  const untilMs = performance.now() + READY_LIMIT_MS;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(failure);
    await delay(5);
  }
}

/** A second primary can come up when one only seemed dead; the record says which of them it is. */
function keepWatch(office: Office): void {
  const { home } = office.start;
  setInterval(() => {
    if (office.handover === null) crews.trim(office.crew);
    if (office.handover !== null || isStillOurs(office)) return;
    note('another primary has taken over');
    crews.handOver(office.crew);
    setTimeout(() => leave(office), LAST_ANSWER_MS);
  }, WATCH_MS);
  setTimeout(() => {
    for (const name of listDirectory(home.sockets).filter(isLeftover)) void removeTree(join(home.sockets, name));
  }, SWEEP_MS);
  process.on('SIGTERM', () => void stop(office, TERM_LIMIT_MS));
}

/** Socket names of elections that are over and of primaries that were killed. */
function isLeftover(name: string): boolean {
  const pid = Number(/^(?:admin|workers)-(\d+)\.sock$/.exec(name)?.[1] ?? 0);
  return name.startsWith('heir-') || (pid > 0 && identify(pid) === null);
}

function isStillOurs({ start, identity }: Office): boolean {
  const text = recordText(start.home.directory);
  if (text === null) return true; // somebody tidied up; nobody else claims it
  const { primary } = JSON.parse(text) as RouterRecord;
  return primary.pid === identity.pid && primary.startedAt === identity.startedAt;
}

function recordText(directory: string): string | null {
  try {
    return readTextAtOnce(recordFile(directory));
  } catch {
    return null;
  }
}

function actsOf(office: Office): AdminActs {
  const inTurn = (act: () => Promise<AdminAnswer>): Promise<AdminAnswer> => {
    const done = office.queue.then(act);
    office.queue = done.catch(() => undefined);
    return done;
  };
  return {
    report: () => report(office),
    put: (wanted) => inTurn(() => put(office, wanted)),
    cut: async (slot) => {
      await crews.settled(office.crew);
      await crews.cutSlot(office.crew, slot);
      return { status: 200, body: {} };
    },
    upgrade: (program) => inTurn(() => upgrade(office, program)),
    stop: (limitMs) => stop(office, limitMs),
    async handedOver() {
      office.handover?.('handed-over');
      return { status: 200, body: {} };
    },
  };
}

async function report({ start, keeper, crew, code }: Office): Promise<object> {
  await crews.settled(crew);
  const inFlight = await crews.inFlightOf(crew);
  const { generation, slots } = keeper.current();
  return {
    generation,
    slots,
    inFlight,
    workers: [...crew.members].map(workerRow),
    code,
    listen: start.home.listen,
    pid: process.pid,
  };
}

function workerRow({ identity, isOwn, isServing, isRetiring }: Member): object {
  return { pid: identity.pid, isOwn, isServing, isRetiring };
}

async function put(office: Office, wanted: RouterState): Promise<AdminAnswer> {
  if (!isStillOurs(office))
    return { status: 503, body: { error: 'replaced', message: 'Another primary holds this router.' } };
  await crews.settled(office.crew);
  const before = office.keeper.current().generation;
  const outcome = await office.keeper.take(wanted);
  if (typeof outcome === 'object') return { status: 400, body: { error: 'mistake', message: outcome.mistake } };
  if (outcome === 'older' || outcome === 'conflict')
    return { status: 409, body: { error: outcome, generation: before } };
  // Also for the same state: a put that was cut off between file and workers is completed by its repetition.
  await crews.spread(office.crew, office.keeper.current());
  return { status: 200, body: { generation: wanted.generation } };
}

async function upgrade(office: Office, program: { execPath: string; entry: string }): Promise<AdminAnswer> {
  const { home } = office.start;
  let pid: number | null = null;
  const outcome = await new Promise<'handed-over' | 'failed'>((resolve) => {
    office.handover = resolve;
    setTimeout(resolve, HANDOVER_LIMIT_MS, 'failed');
    const argv = routerArgv(program, 'primary', {
      mode: 'successor',
      home,
      predecessor: office.adminPath,
    } satisfies PrimaryStart);
    const environment = routerEnvironment(home.directory, 'primary');
    const request = { argv, cwd: home.directory, environment, socket: INHERITED_SOCKET };
    pid = startWithSocket(request, () => {
      pid = null;
      resolve('failed');
    });
  });
  if (outcome === 'failed') return takeBack(office, pid);
  crews.handOver(office.crew);
  setTimeout(() => leave(office), LAST_ANSWER_MS);
  return { status: 200, body: { pid } };
}

async function takeBack(office: Office, pid: number | null): Promise<AdminAnswer> {
  if (pid !== null) process.kill(pid, 'SIGKILL'); // our child, and its end was not reported: the number is still its own
  // It died after it had taken our names: our workers seek a primary now and start one.
  if (!isStillOurs(office)) process.exit(1);
  office.handover = null;
  return {
    status: 500,
    body: { error: 'upgrade-failed', message: 'The new router did not start; the old one goes on.' },
  };
}

/** Ends this process; the known names may belong to the next one already, its own go with it. */
function leave({ adminPath, workersPath }: Office): void {
  void Promise.all([removeTree(adminPath), removeTree(workersPath)]).finally(() => process.exit(0));
}

async function stop(office: Office, limitMs: number): Promise<AdminAnswer> {
  const { home } = office.start;
  crews.retireAll(office.crew, limitMs);
  closeInheritedSocket();
  const finish = async (): Promise<void> => {
    while (office.crew.members.size > 0) await delay(20);
    for (const name of listDirectory(home.sockets).filter((one) => one.includes('.sock') || one.startsWith('heir-'))) {
      await removeTree(join(home.sockets, name));
    }
    if (home.sockets !== home.directory) await removeTree(home.sockets);
    leave(office);
  };
  setTimeout(() => void finish(), LAST_ANSWER_MS);
  return { status: 200, body: {} };
}
