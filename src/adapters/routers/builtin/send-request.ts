import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { passTrailers } from './pass-trailers.ts';
import { hasBody, pathForSlot } from './request-headers.ts';
import type { SlotEntry } from './slot-table.ts';

/**
 * Sends a request on to a slot; `error` on the result says that it failed. The body is not touched before the connection stands, so that a
 * request whose connect() failed is still whole. Throws when the request cannot be written at all.
 */
export function sendRequest(req: IncomingMessage, entry: SlotEntry, headers: string[]): ClientRequest {
  const outgoing = request({
    agent: entry.agent,
    host: entry.target.host,
    port: entry.target.port,
    method: req.method,
    path: pathForSlot(req.url ?? '/'),
    headers,
  });
  if (!hasBody(req)) {
    outgoing.end();
    return outgoing;
  }
  // Also when the service answers "keep-alive": what follows a chunked request never shares its connection.
  if (req.headers['transfer-encoding'] !== undefined) outgoing.shouldKeepAlive = false;
  req.on('error', () => outgoing.destroy());
  outgoing.once('socket', () => {
    if (outgoing.destroyed) return;
    if (req.headers.trailer !== undefined) req.prependOnceListener('end', () => passTrailers(req, outgoing));
    req.pipe(outgoing);
  });
  return outgoing;
}

/** An answer that is complete before its request is: the rest of the body is read and dropped, and the connection with half of it goes. */
export function dropRestOfBody(req: IncomingMessage, outgoing: ClientRequest): void {
  req.unpipe(outgoing);
  req.resume();
  outgoing.destroy();
}
