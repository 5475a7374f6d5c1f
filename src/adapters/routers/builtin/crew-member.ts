import type { Socket } from 'node:net';
import { isAlive } from '../../../platform/process-table.ts';
import type { ProcessIdentity } from '../../../platform/process-table.ts';
import { note } from './note.ts';
import { sendMessage } from './worker-messages.ts';
import type { ToWorker } from './worker-messages.ts';

/** A worker that is connected to this primary. */
export interface Member {
  socket: Socket;
  identity: ProcessIdentity;
  /** Started by this primary. */
  isOwn: boolean;
  isServing: boolean;
  isRetiring: boolean;
  /** Questions that wait for their answer. */
  asked: Map<number, (inFlight: Record<string, number>) => void>;
}

const ANSWER_LIMIT_MS = 5000; // a worker answers in under 1 ms; one that is silent so long hangs

let lastAsk = 0;

/** Asks one worker and returns what it has in flight; nothing when it dies meanwhile. One that does not answer is killed. */
export function askMember(member: Member, make: (ask: number) => ToWorker): Promise<Record<string, number>> {
  lastAsk += 1;
  const ask = lastAsk;
  return new Promise((resolve) => {
    const giveUp = (): void => {
      killWorker(member.identity, `did not answer within ${ANSWER_LIMIT_MS / 1000} s`);
      member.socket.destroy();
    };
    const limit = setTimeout(giveUp, ANSWER_LIMIT_MS);
    member.asked.set(ask, (inFlight) => {
      clearTimeout(limit);
      member.asked.delete(ask);
      resolve(inFlight);
    });
    sendMessage(member.socket, make(ask));
  });
}

/** Lets a worker finish what it has and end. */
export function retireMember(member: Member, limitMs: number): void {
  member.isRetiring = true;
  sendMessage(member.socket, { kind: 'retire', limitMs });
}

/** A worker that cannot be told anything serves a state of its own: it must not live. */
export function killWorker(identity: ProcessIdentity, why: string): void {
  if (!isAlive(identity)) return;
  note(`worker ${identity.pid} ${why}; it is killed`);
  process.kill(identity.pid, 'SIGKILL');
}
