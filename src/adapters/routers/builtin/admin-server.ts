import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isProblem } from '../../../core/release/problem.ts';
import type { RouterState } from '../router.ts';

/** What the adapter may ask the primary. */
export interface AdminActs {
  report(): Promise<object>;
  put(state: RouterState): Promise<AdminAnswer>;
  cut(slot: string): Promise<AdminAnswer>;
  upgrade(program: { execPath: string; entry: string }): Promise<AdminAnswer>;
  stop(limitMs: number): Promise<AdminAnswer>;
  /** From the primary that takes over. */
  handedOver(): Promise<AdminAnswer>;
}

export interface AdminAnswer {
  status: number;
  body: object;
}

const BODY_BYTES_MAX = 1024 * 1024; // a state of 64 slots is below 64 KiB

/** The API of the primary. It listens on a unix socket that only its owner may open, so there is no other sign-in. */
export function createAdminServer(acts: AdminActs): Server {
  return createServer((req, res) => {
    answer(acts, req).then(
      ({ status, body }) => send(res, status, body),
      (error: unknown) => {
        const kind = isProblem(error) ? error.kind : 'internal';
        const next = isProblem(error) ? error.next : 'Look into the log of the router.';
        send(res, 500, { error: kind, message: error instanceof Error ? error.message : String(error), next });
      },
    );
  });
}

function send(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  res.end(JSON.stringify(body));
}

async function answer(acts: AdminActs, req: IncomingMessage): Promise<AdminAnswer> {
  const body = await readJson(req);
  if (body === null)
    return { status: 400, body: { error: 'bad-request', message: 'The body is not JSON, or too long.' } };
  switch (`${req.method} ${req.url}`) {
    case 'GET /state':
      return { status: 200, body: await acts.report() };
    case 'PUT /state':
      return acts.put(body as unknown as RouterState);
    case 'POST /cut':
      return acts.cut(String(body['slot']));
    case 'POST /upgrade':
      return acts.upgrade({ execPath: String(body['execPath']), entry: String(body['entry']) });
    case 'POST /stop':
      return acts.stop(Number(body['limitMs']));
    case 'POST /handed-over':
      return acts.handedOver();
    default:
      return { status: 404, body: { error: 'not-found', message: `There is no ${req.method} ${req.url}.` } };
  }
}

async function readJson(req: IncomingMessage): Promise<Record<string, unknown> | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  try {
    const value: unknown = JSON.parse(bytes === 0 ? '{}' : Buffer.concat(chunks).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
