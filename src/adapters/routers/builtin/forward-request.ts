import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { NO_SLOT, SLOT_CUT, SLOT_FAILED, refuse } from './refusals.ts';
import { hasBody, headersForSlot, takeProbeKey } from './request-headers.ts';
import { returnAnswer } from './return-answer.ts';
import { dropRestOfBody, sendRequest } from './send-request.ts';
import { CONNECT_FAILED, bytesReadBefore } from './slot-connection.ts';
import type { Exchange, SlotEntry, SlotTable } from './slot-table.ts';
import { SLOT_HEADER } from './stored-state.ts';

/** How long we keep an idle client connection; longer than the 60 s of common load balancers, which would otherwise send into a closing one. */
export const CLIENT_IDLE_MS = 75_000;

interface Passage extends Exchange {
  req: IncomingMessage;
  res: ServerResponse;
  entry: SlotEntry;
  /** What the slot gets; made once, also for a second try. */
  headers: string[];
  isProbe: boolean;
  /** The one second try is used up. */
  isRetried: boolean;
  outgoing: ClientRequest | null;
}

interface Forwarding {
  table: SlotTable;
  isClosing: () => boolean;
}

/**
 * Answers requests from the slots of the table. `isClosing` makes every answer say `Connection: close`.
 * Plain requests go through node:http alone: docs/decisions/2026-11-21-router-forwarding.md.
 */
export function createRequestForwarder(
  table: SlotTable,
  isClosing: () => boolean,
): (req: IncomingMessage, res: ServerResponse) => void {
  const forwarding: Forwarding = { table, isClosing };
  return (req, res) => {
    const isProbe = takeProbeKey(req.headers, table.probeKey);
    const entry = table.choose(Math.random, null);
    if (entry === null) return refuse(res, NO_SLOT, isClosing());
    const headers = headersForSlot(req, entry.target);
    const cut = (): void => cutPassage(passage);
    // One literal, not a spread: this is done for every request.
    const passage: Passage = { req, res, entry, headers, isProbe, cut, isRetried: false, outgoing: null, place: -1 };
    res.on('close', () => {
      table.end(passage.entry, passage);
      if (!res.writableFinished) passage.outgoing?.destroy(); // the client is gone: the service may stop working
    });
    send(forwarding, passage);
  };
}

function send(forwarding: Forwarding, passage: Passage): void {
  const { req, res, entry } = passage;
  forwarding.table.begin(entry, passage);
  try {
    const outgoing = sendRequest(req, entry, passage.headers);
    passage.outgoing = outgoing;
    outgoing.on('error', (error) => recover(forwarding, passage, outgoing, error));
    outgoing.on('response', (answer) => receive(forwarding, passage, outgoing, answer));
    // Nobody asked for another protocol, and without a listener Node drops the connection without a word.
    outgoing.on('upgrade', (_answer, socket) => {
      socket.destroy();
      recover(forwarding, passage, outgoing, new Error('an answer in another protocol'));
    });
  } catch {
    passage.outgoing = null;
    refuse(res, SLOT_FAILED, forwarding.isClosing());
  }
}

function receive(
  { isClosing }: Forwarding,
  { req, res, entry, isProbe }: Passage,
  outgoing: ClientRequest,
  answer: IncomingMessage,
): void {
  if (res.headersSent || res.destroyed) return void outgoing.destroy();
  if (!outgoing.writableFinished) {
    answer.once('end', () => void (outgoing.writableFinished || dropRestOfBody(req, outgoing)));
  }
  try {
    returnAnswer(answer, res, isClosing(), isProbe ? [SLOT_HEADER, entry.slot.id] : null);
  } catch {
    outgoing.destroy();
    refuse(res, SLOT_FAILED, true);
  }
}

function recover(forwarding: Forwarding, passage: Passage, outgoing: ClientRequest, error: Error): void {
  const { table, isClosing } = forwarding;
  const { req, res, entry } = passage;
  if (res.writableEnded || passage.outgoing !== outgoing) return;
  if (res.headersSent || res.destroyed) return void res.destroy(); // half an answer must not look like a whole one
  const next = passage.isRetried ? null : secondSlot(table, passage, error);
  if (next === null) {
    req.unpipe(outgoing);
    return refuse(res, SLOT_FAILED, isClosing());
  }
  table.end(entry, passage);
  passage.isRetried = true;
  passage.entry = next;
  send(forwarding, passage);
}

/**
 * Where a failed request may be sent once more, or null. Only when the slot cannot have seen it: connect() failed, or a GET or HEAD without
 * body met a kept connection that was already closed and brought not one byte.
 */
function secondSlot(table: SlotTable, { req, entry, outgoing }: Passage, error: Error): SlotEntry | null {
  if (CONNECT_FAILED in error) return table.choose(Math.random, entry);
  const isSafe = req.method === 'GET' || req.method === 'HEAD';
  if (!isSafe || hasBody(req) || !outgoing?.reusedSocket || outgoing.socket === null) return null;
  if (outgoing.socket.bytesRead > bytesReadBefore(outgoing.socket)) return null;
  return table.choose(Math.random, null);
}

function cutPassage({ res, outgoing }: Passage): void {
  if (res.headersSent) res.destroy();
  else refuse(res, SLOT_CUT, true);
  outgoing?.destroy();
}
