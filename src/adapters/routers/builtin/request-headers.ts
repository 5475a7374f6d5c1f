import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { PROBE_HEADER } from './stored-state.ts';

const IPV4_IN_IPV6 = '::ffff:';

/**
 * What never goes on as it came: fields that belong to one connection, not to the request (RFC 9110, 7.6.1), and those we write ourselves.
 * `expect` was answered by us already.
 */
const OWN_FIELDS = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'upgrade',
  'expect',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
]);

/** Nobody may make us drop these by naming them in `Connection`: they say where a message ends, or who sent it. */
const KEPT_FIELDS = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'cookie',
  'set-cookie',
  'authorization',
  'trailer',
]);

/** Methods whose request has no body unless it says so; for all others "no body" must be written (RFC 9110, 8.6). */
const BODILESS_METHODS = new Set(['GET', 'HEAD', 'TRACE']);

/** Whether a body follows the headers of the request. */
export function hasBody(req: IncomingMessage): boolean {
  const length = req.headers['content-length'];
  return req.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0);
}

/**
 * The headers a slot gets, as name, value, name, value: connection fields are gone, x-forwarded-* have come.
 * `x-forwarded-for` gets the peer appended (its last entry can be trusted); proto and host are kept if something in front of us set them.
 * A flat list, because Node writes it out as it is; an object would be copied and looked through field by field.
 */
export function headersForSlot(req: IncomingMessage, slot: { host: string; port: number }): string[] {
  const { headers } = req;
  const dropped = fieldsNamed(headers.connection);
  const isChunked = headers['transfer-encoding'] !== undefined;
  const list: string[] = [];
  for (const name in headers) {
    if (OWN_FIELDS.has(name) || dropped?.has(name)) continue;
    const value = headers[name];
    if (typeof value === 'string') {
      if (isChunked ? name !== 'content-length' : name !== 'trailer') list.push(name, value);
    } else if (value !== undefined) {
      for (const one of value) list.push(name, one);
    }
  }
  // A service that takes the end of a chunked body for elsewhere must not find the next client's request on the same connection.
  list.push('connection', isChunked ? 'close' : 'keep-alive');
  if (headers.host === undefined) list.push('host', `${isIPv6(slot.host) ? `[${slot.host}]` : slot.host}:${slot.port}`);
  if (!isChunked && headers['content-length'] === undefined && !BODILESS_METHODS.has(req.method ?? ''))
    list.push('content-length', '0');
  const forwarded = forwardedFields(req);
  for (const name in forwarded) list.push(name, String(forwarded[name]));
  return list;
}

/** For a WebSocket handshake: `Connection` and `Upgrade` are what it is about and stay. */
export function prepareUpgradeHeaders(req: IncomingMessage): void {
  delete req.headers[PROBE_HEADER];
  Object.assign(req.headers, forwardedFields(req));
}

/** The fields that a message names in `Connection` as its own, not to be passed on; null when there are none, as nearly always. */
export function fieldsNamed(connection: string | undefined): Set<string> | null {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return null;
  const names = connection.split(',').map((token) => token.trim().toLowerCase());
  return new Set(names.filter((name) => !KEPT_FIELDS.has(name)));
}

function forwardedFields(req: IncomingMessage): IncomingHttpHeaders {
  const { headers } = req;
  const address = req.socket.remoteAddress ?? '';
  const peer = address.startsWith(IPV4_IN_IPV6) ? address.slice(IPV4_IN_IPV6.length) : address;
  const before = headers['x-forwarded-for'];
  return {
    'x-forwarded-for': before === undefined ? peer : `${String(before)}, ${peer}`,
    'x-forwarded-proto': headers['x-forwarded-proto'] ?? 'http',
    'x-forwarded-host': headers['x-forwarded-host'] ?? headers.host ?? '',
  };
}

/** The path a slot is asked for. `GET http://host/path` is allowed by RFC 9112, 3.2.2, and `OPTIONS *` means the whole service. */
export function pathForSlot(url: string): string {
  if (url.startsWith('/') || url === '*') return url;
  if (!URL.canParse(url)) return `/${url}`;
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

/** Takes the probe key off the request, so that no service ever sees it, and says whether it is the right one. */
export function takeProbeKey(headers: IncomingHttpHeaders, probeKey: string): boolean {
  const given = headers[PROBE_HEADER];
  if (given === undefined) return false;
  delete headers[PROBE_HEADER];
  if (typeof given !== 'string' || given.length !== probeKey.length) return false;
  const expected = Buffer.from(probeKey);
  const actual = Buffer.from(given);
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}
