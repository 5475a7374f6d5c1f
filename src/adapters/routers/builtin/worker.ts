import { ServerResponse, createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { INHERITED_SOCKET } from '../../../platform/start-with-socket.ts';
import { CLIENT_IDLE_MS, createRequestForwarder } from './forward-request.ts';
import { createUpgradeForwarder, isWebSocket } from './forward-upgrade.ts';
import { note } from './note.ts';
import { closePolitely } from './polite-close.ts';
import { linkToPrimary } from './primary-link.ts';
import { refuseUpgrade, UPGRADE_UNKNOWN } from './refusals.ts';
import type { WorkerStart } from './router-home.ts';
import { createSlotTable } from './slot-table.ts';
import type { ToWorker } from './worker-messages.ts';

const HEADERS_LIMIT_MS = 60_000; // a client that does not finish its headers holds a connection for nothing
const CUT_WAIT_MS = 1500; // for the last answers and close frames after the limit
const TERM_LIMIT_MS = 10_000; // a host that shuts down gives its processes little more

/** One of the processes that answer the public port. It outlives its primary and serves on with the last state it knows. */
export function runWorker(start: WorkerStart): void {
  const table = createSlotTable();
  let isRetiring = false;
  const answer = createRequestForwarder(table, () => isRetiring);
  const server = createPublicServer(answer, createUpgradeForwarder(table));

  const link = linkToPrimary(start, { isServing: () => server.listening, isRetiring: () => isRetiring, handle });
  process.on('SIGTERM', () => retire(TERM_LIMIT_MS));

  function handle(message: ToWorker): void {
    switch (message.kind) {
      case 'state':
        table.apply(message.state);
        return link.answer(message.ask, table.inFlight());
      case 'count':
        return link.answer(message.ask, table.inFlight());
      case 'cut':
        table.cut(message.slot);
        return link.answer(message.ask, table.inFlight());
      case 'serve':
        if (server.listening || isRetiring) return;
        return void server.listen({ fd: INHERITED_SOCKET }, () => link.sayServing());
      case 'retire':
        return retire(message.limitMs);
      case 'rejoin':
        return;
    }
  }

  function retire(limitMs: number): void {
    if (isRetiring) return;
    isRetiring = true;
    setTimeout(() => {
      table.cutAll();
      setTimeout(() => process.exit(0), CUT_WAIT_MS);
    }, limitMs);
    if (!server.listening) process.exit(0);
    closePolitely(server, () => process.exit(0));
  }
}

type Answer = (req: IncomingMessage, res: ServerResponse) => void;

function createPublicServer(
  answer: Answer,
  upgrade: (req: IncomingMessage, client: Socket, head: Buffer) => void,
): Server {
  // No limit on the whole request: an upload may take as long as it takes.
  const options = { keepAliveTimeout: CLIENT_IDLE_MS, headersTimeout: HEADERS_LIMIT_MS, requestTimeout: 0 };
  const server = createServer(options, answer);
  server.on('upgrade', (req, socket, head) => {
    const client = socket as Socket; // Node's type is wider; a server on TCP gives its socket
    if (isWebSocket(req)) upgrade(req, client, head);
    else answerWithoutUpgrade(req, client, answer);
  });
  server.on('error', (error) => {
    note(`cannot listen: ${error.message}`);
    process.exit(1);
  });
  return server;
}

/** An upgrade nobody has to follow, like the h2c offer of some clients: the request itself is answered in HTTP/1.1 (RFC 9110, 7.8). */
function answerWithoutUpgrade(req: IncomingMessage, client: Socket, answer: Answer): void {
  client.on('error', () => client.destroy());
  // Node has stopped reading the body at this point, so only a request without one can be answered.
  const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (hasBody) return refuseUpgrade(client, UPGRADE_UNKNOWN);
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  res.assignSocket(client);
  res.on('finish', () => {
    res.detachSocket(client);
    client.end();
  });
  answer(req, res);
}
