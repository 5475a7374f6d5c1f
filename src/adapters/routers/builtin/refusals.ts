import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** An answer that the router gives itself. */
export interface Refusal {
  status: 502 | 503 | 501;
  reason: string;
  error: string;
  message: string;
  /** Whole seconds after which trying again makes sense. */
  retryAfterSeconds?: number;
}

export const NO_SLOT: Refusal = {
  status: 503,
  reason: 'Service Unavailable',
  error: 'no-instance',
  message: 'No version of this service takes requests now.',
  retryAfterSeconds: 1,
};
export const SLOT_FAILED: Refusal = {
  status: 502,
  reason: 'Bad Gateway',
  error: 'instance-unreachable',
  message: 'The running version did not answer.',
};
export const SLOT_CUT: Refusal = {
  status: 503,
  reason: 'Service Unavailable',
  error: 'instance-stopping',
  message: 'The version that had this request is being stopped, and the request took longer than its time to finish.',
  retryAfterSeconds: 1,
};
export const UPGRADE_UNKNOWN: Refusal = {
  status: 501,
  reason: 'Not Implemented',
  error: 'upgrade-unknown',
  message: 'Only upgrades to WebSocket are passed on.',
};

function bodyOf(refusal: Refusal): string {
  return `${JSON.stringify({ error: refusal.error, message: refusal.message })}\n`;
}

/** Answers a request from the router itself; does nothing when an answer has begun or the client is gone. */
export function refuse(res: ServerResponse, refusal: Refusal, close: boolean): void {
  if (res.headersSent || res.destroyed) return;
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  const body = bodyOf(refusal);
  res.statusCode = refusal.status;
  res.statusMessage = refusal.reason; // that of an answer which could not be written may still stand there
  res.setHeader('content-type', 'application/json');
  res.setHeader('content-length', Buffer.byteLength(body));
  if (refusal.retryAfterSeconds !== undefined) res.setHeader('retry-after', refusal.retryAfterSeconds);
  if (close) res.setHeader('connection', 'close');
  res.end(body);
}

/** The same on a bare socket, for a handshake that led nowhere; the connection ends with it. */
export function refuseUpgrade(socket: Socket, refusal: Refusal): void {
  if (!socket.writable) return void socket.destroy();
  const body = bodyOf(refusal);
  const head = [
    `HTTP/1.1 ${refusal.status} ${refusal.reason}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  if (refusal.retryAfterSeconds !== undefined) head.push(`retry-after: ${refusal.retryAfterSeconds}`);
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
