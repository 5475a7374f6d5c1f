import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { INHERITED_SOCKET, startWithSocket } from '../../../platform/start-with-socket.ts';
import { note } from './note.ts';
import { ownIdentity, routerArgv, routerEnvironment, workersSocket } from './router-home.ts';
import type { WorkerStart } from './router-home.ts';
import { receiveMessages, sendMessage } from './worker-messages.ts';
import type { ToWorker } from './worker-messages.ts';

export interface PrimaryLink {
  answer(ask: number, inFlight: Record<string, number>): void;
  sayServing(): void;
}

const RETRY_MS = 20; // a new primary needs about 100 ms to come up
const HANDOVER_PATIENCE_MS = 2000; // told that another primary takes over, so its absence is no death yet
const ELECTION_ROUND_MS = 5000; // a heir that is not there by then has failed

/**
 * Keeps the worker connected to whichever primary holds the router. When the primary dies, one worker starts its heir and hands it the
 * listening socket: nothing is refused meanwhile, and nobody has to notice.
 */
export function linkToPrimary(
  start: WorkerStart,
  worker: { isServing(): boolean; isRetiring(): boolean; handle(message: ToWorker): void },
): PrimaryLink {
  const identity = ownIdentity();
  let socket: Socket | null = null;
  let primary: string | null = null; // set with `serve`; a worker that never served has nothing to outlive
  let [patientUntilMs, lostAtMs] = [0, 0];
  let election: Server | null = null;

  const attach = (path: string): void => {
    const attempt = connect(path);
    attempt.on('error', () => undefined); // `close` follows
    attempt.on('connect', () => {
      socket = attempt;
      election = endElection(election);
      sendMessage(attempt, {
        kind: 'hello',
        ...identity,
        isServing: worker.isServing(),
        isRetiring: worker.isRetiring(),
      });
    });
    attempt.on('close', () => {
      if (socket !== attempt) return void setTimeout(seek, RETRY_MS);
      socket = null;
      lostAtMs = performance.now();
      seek();
    });
    receiveMessages<ToWorker>(attempt, (message) => {
      if (message.kind === 'serve') primary = message.primary;
      else if (message.kind === 'rejoin') patientUntilMs = performance.now() + HANDOVER_PATIENCE_MS;
      worker.handle(message);
    });
  };
  const seek = (): void => {
    if (primary === null) process.exit(1);
    const now = performance.now();
    if (!worker.isRetiring() && election === null && now >= patientUntilMs) {
      election = startHeir(start, primary, Math.floor((now - lostAtMs) / ELECTION_ROUND_MS), () => (election = null));
    }
    attach(workersSocket(start.home));
  };

  attach(start.primarySocket);
  return {
    answer: (ask, inFlight) => void (socket && sendMessage(socket, { kind: 'answer', ask, inFlight })),
    sayServing: () => void (socket && sendMessage(socket, { kind: 'serving' })),
  };
}

/** Frees the name: there is a primary again. */
function endElection(ballot: Server | null): null {
  ballot?.close();
  return null;
}

/**
 * Starts a new primary, unless another worker does in this round: the name of a unix socket can be bound only once.
 * Returns what holds the name; close it when there is a primary again.
 */
function startHeir(start: WorkerStart, dead: string, round: number, onLost: () => void): Server {
  const ballot = createServer();
  ballot.on('error', () => setTimeout(onLost, ELECTION_ROUND_MS / 10));
  ballot.listen(join(start.home.sockets, `heir-${dead}.${round}`), () => {
    note(`the primary ${dead} is gone; its heir is started`);
    const entry = process.argv[1] ?? '';
    const request = {
      argv: routerArgv({ execPath: process.execPath, entry }, 'primary', { mode: 'heir', home: start.home }),
      cwd: start.home.directory,
      environment: routerEnvironment(start.home.directory, 'primary'),
      socket: INHERITED_SOCKET,
    };
    startWithSocket(request, () => note('the heir ended'));
  });
  return ballot;
}
