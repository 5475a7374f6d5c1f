import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';

/** Trailers may not carry what says where a message ends or who sent it (RFC 9110, 6.5.1). */
const NO_TRAILERS = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'trailer',
  'authorization',
  'cookie',
  'set-cookie',
]);

/** Hands on what followed a chunked body; call it when the body has ended and before `to` is ended. */
export function passTrailers(from: IncomingMessage, to: ClientRequest | ServerResponse): void {
  const trailers: [string, string][] = [];
  for (let i = 0; i + 1 < from.rawTrailers.length; i += 2) {
    const name = from.rawTrailers[i] ?? '';
    if (!NO_TRAILERS.has(name.toLowerCase())) trailers.push([name, from.rawTrailers[i + 1] ?? '']);
  }
  if (trailers.length > 0) to.addTrailers(trailers);
}
