import type { IncomingMessage, ServerResponse } from 'node:http';
import { passTrailers } from './pass-trailers.ts';
import { fieldsNamed } from './request-headers.ts';

// What we promise is shorter than the 75 s we keep, so that a client that heeds it is always first to close.
const CLIENT_IDLE_HINT = 'timeout=70';

/** Fields of an answer that speak of the service's connection to us, not of the client's. */
const CONNECTION_FIELDS = new Set(['connection', 'proxy-connection', 'transfer-encoding', 'trailer']);

/**
 * Gives the answer of a slot to the client as it comes. An answer that breaks off breaks off for the client too.
 * `mark` is one more field. Throws before anything is sent when the answer cannot be written.
 */
export function returnAnswer(
  answer: IncomingMessage,
  res: ServerResponse,
  mustClose: boolean,
  mark: readonly [string, string] | null,
): void {
  const status = answer.statusCode ?? 502;
  res.writeHead(status, answer.statusMessage ?? '', headersForClient(answer, res, mustClose, mark));
  const length = Number(answer.headers['content-length'] ?? Number.NaN);
  answer.on('data', (chunk: Buffer) => {
    // The whole answer in one piece, as most are: headers and body leave in one call of the system.
    if (chunk.length === length) res.end(chunk);
    else if (!res.write(chunk)) waitForClient(answer, res);
  });
  answer.on('end', () => {
    if (res.writableEnded) return;
    if (answer.rawTrailers.length > 0) passTrailers(answer, res);
    res.end();
  });
  answer.on('close', () => {
    if (!answer.complete && !res.writableFinished) res.destroy(); // half an answer must not look like a whole one
  });
}

function waitForClient(answer: IncomingMessage, res: ServerResponse): void {
  answer.pause();
  res.once('drain', () => answer.resume());
}

function headersForClient(
  answer: IncomingMessage,
  res: ServerResponse,
  mustClose: boolean,
  mark: readonly [string, string] | null,
): string[] {
  const { headers } = answer;
  const isOld = res.req.httpVersionMajor === 1 && res.req.httpVersionMinor === 0;
  const isBare = answer.statusCode === 204 || answer.statusCode === 304;
  const isChunked = headers['transfer-encoding'] !== undefined && !isOld && !isBare;
  const dropped = fieldsNamed(headers.connection);
  const list: string[] = [];
  for (const name in headers) {
    if (CONNECTION_FIELDS.has(name) || dropped?.has(name)) continue;
    const value = headers[name];
    if (typeof value === 'string') list.push(name, name === 'keep-alive' ? CLIENT_IDLE_HINT : value);
    else if (value !== undefined) for (const one of value) list.push(name, one);
  }
  if (isChunked) {
    list.push('transfer-encoding', headers['transfer-encoding'] ?? '');
    if (headers.trailer !== undefined) list.push('trailer', headers.trailer);
  }
  // To a client of HTTP/1.0 only the end of the connection can say where a body of unknown length ends.
  const isEndless = isOld && !isBare && headers['content-length'] === undefined;
  list.push('connection', mustClose || isEndless || !res.shouldKeepAlive ? 'close' : 'keep-alive');
  if (mark !== null) list.push(mark[0], mark[1]);
  return list;
}
