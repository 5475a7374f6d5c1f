import type { Client, Dispatcher } from 'undici';
import { Readable } from 'node:stream';
import { isProblem, problem, type Problem } from '../core/release/problem.ts';
import { beginAnswer, joinHeaders } from './begin-answer.ts';
import { TIMER_MS_MAX } from './clock.ts';
import { decodeUrlPart } from './decode-url-part.ts';
import { readStream, writeStream } from './file-streams.ts';
import { randomId } from './ids.ts';
import { redact } from './redact.ts';

export interface HttpRequest {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** From the first look-up of the name to the last byte of the body. */
  timeoutMs: number;
  /** The body is cut here; default 1 MiB. */
  maxBodyBytes?: number;
  /** A unix socket to use instead of the address in the URL. */
  socketPath?: string;
  signal?: AbortSignal;
}

export interface HttpResponse {
  status: number;
  /** Lower-case names; values of a repeated header are joined by ", ". */
  headers: Record<string, string>;
  body: string;
  /** True when the body was longer than `maxBodyBytes`. */
  bodyCut: boolean;
  durationMs: number;
}

const BODY_LIMIT_BYTES = 1024 * 1024; // a health page or an API answer, not a download

/**
 * Asks once over a connection of its own: no redirect is followed, nothing is kept alive, nothing is tried again.
 * Any status is an answer; no answer is the Problem `unreachable` with the reason in words.
 */
export async function request(r: HttpRequest): Promise<HttpResponse> {
  return exchange(r, r.body, (answer) => readBody(answer.body, r.maxBodyBytes ?? BODY_LIMIT_BYTES));
}

/** Writes what comes back with a 2xx status to the file instead, as it comes; the file is made anew, for its owner only. */
export async function download(r: HttpRequest, file: string): Promise<HttpResponse> {
  const url = parseUrl(r.url);
  const startedMs = performance.now();
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), Math.min(r.timeoutMs, TIMER_MS_MAX));
  try {
    const signal = r.signal ? AbortSignal.any([limit.signal, r.signal]) : limit.signal;
    const headers = { ...signIn(url), ...r.headers };
    const answer = await beginAnswer({ url, method: r.method, headers, signal, ...(r.body ? { body: r.body } : {}) });
    const status = answer.statusCode ?? 0;
    let received: Received = { body: '', bodyCut: false };
    if (status >= 200 && status < 300) await writeStream(file, answer as AsyncIterable<Buffer>);
    else received = await readBody(answer as AsyncIterable<Buffer>, r.maxBodyBytes ?? BODY_LIMIT_BYTES);
    answer.destroy();
    return { status, headers: joinHeaders(answer.headers), ...received, durationMs: performance.now() - startedMs };
  } catch (error) {
    if (isProblem(error)) throw error;
    throw unreachable(r, url, reasonOf(error, r, limit.signal.aborted), error);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends a file as the one field of a form, straight from the disk. */
export async function uploadForm(
  r: HttpRequest,
  { field, file, bytes }: { field: string; file: string; bytes: number },
): Promise<HttpResponse> {
  const boundary = `shipway-${randomId()}`;
  const disposition = `content-disposition: form-data; name="${field}"; filename="${field}"`;
  const head = `--${boundary}\r\n${disposition}\r\ncontent-type: application/octet-stream\r\n\r\n`;
  const tail = `\r\n--${boundary}--\r\n`;
  const headers = {
    ...r.headers,
    'content-type': `multipart/form-data; boundary=${boundary}`,
    'content-length': String(head.length + bytes + tail.length),
  };
  async function* body(): AsyncGenerator<Buffer> {
    yield Buffer.from(head);
    yield* readStream(file);
    yield Buffer.from(tail);
  }
  return exchange({ ...r, headers }, Readable.from(body(), { objectMode: false }), (answer) =>
    readBody(answer.body, r.maxBodyBytes ?? BODY_LIMIT_BYTES),
  );
}

type Received = Pick<HttpResponse, 'body' | 'bodyCut'>;

async function exchange(
  r: HttpRequest,
  body: string | Readable | undefined,
  receive: (answer: Dispatcher.ResponseData) => Promise<Received>,
): Promise<HttpResponse> {
  const url = parseUrl(r.url);
  const startedMs = performance.now();
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), Math.min(r.timeoutMs, TIMER_MS_MAX));
  const client = await connect(url, r);
  try {
    const signal = r.signal ? AbortSignal.any([limit.signal, r.signal]) : limit.signal;
    const answer = await client.request({
      ...dispatchOptions(url, r),
      ...(body === undefined ? {} : { body }),
      signal,
    });
    const received = await receive(answer);
    const durationMs = performance.now() - startedMs;
    return { status: answer.statusCode, headers: joinHeaders(answer.headers), ...received, durationMs };
  } catch (error) {
    if (isProblem(error)) throw error;
    if (codeOf(error) === 'UND_ERR_INVALID_ARG') throw cannotBeSent(r, url, error);
    throw unreachable(r, url, reasonOf(error, r, limit.signal.aborted), error);
  } finally {
    clearTimeout(timer);
    await client.destroy().catch(() => undefined);
  }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  const shown = redact(text.replace(/\/\/[^/]*@/, '//'));
  throw problem('config-invalid', `"${shown}" is not an address that begins with http:// or https://`, {
    where: shown,
    next: 'Write the whole address, for example http://localhost:8080/health',
  });
}

// Loaded on the first request: it costs 100 ms, and most commands never ask anything over HTTP.
async function connect(url: URL, r: HttpRequest): Promise<Client> {
  const { Client } = await import('undici');
  const socket = r.socketPath === undefined ? {} : { socketPath: r.socketPath };
  return new Client(url.origin, {
    // undici's own limits are off: one limit for everything is easier to explain than four.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: r.timeoutMs, ...socket },
    pipelining: 1,
  });
}

function dispatchOptions(url: URL, r: HttpRequest): Dispatcher.RequestOptions {
  const method = r.method.toUpperCase() as Dispatcher.HttpMethod;
  // reset: "Connection: close" is sent, so that the server does not keep a connection nobody will use.
  return { method, path: url.pathname + url.search, headers: { ...signIn(url), ...r.headers }, reset: true };
}

function signIn(url: URL): Record<string, string> {
  if (url.username === '' && url.password === '') return {};
  const pair = `${decodeUrlPart(url.username)}:${decodeUrlPart(url.password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

async function readBody(
  stream: AsyncIterable<Buffer>,
  limitBytes: number,
): Promise<{ body: string; bodyCut: boolean }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > limitBytes) break;
  }
  const body = Buffer.concat(chunks).subarray(0, limitBytes).toString('utf8');
  return { body, bodyCut: bytes > limitBytes };
}

const REASONS: Record<string, [reason: string, next: string]> = {
  ECONNREFUSED: ['the connection was refused', 'Check that the service runs and listens on this port.'],
  ECONNRESET: ['the connection was reset', 'The service ended it without an answer: look into its log.'],
  EPIPE: ['the connection was reset', 'The service ended it without an answer: look into its log.'],
  ERR_STREAM_PREMATURE_CLOSE: [
    'the connection was reset',
    'The service ended it without an answer: look into its log.',
  ],
  UND_ERR_SOCKET: ['the connection was reset', 'The service ended it without an answer: look into its log.'],
  ENOTFOUND: ['the name was not found', 'Check the host name.'],
  EAI_AGAIN: ['the name was not found, the name server gave no answer', 'Check the host name and the network.'],
  EHOSTUNREACH: ['there is no route to the host', 'Check the network.'],
  ENETUNREACH: ['there is no route to the network', 'Check the network.'],
  EADDRNOTAVAIL: ['no local address is free', 'Too many connections are open on this machine: look with "ss -s".'],
  ENOENT: ['the socket does not exist', 'Check that the service runs.'],
  EACCES: ['this user may not use the socket', 'Give this user access to the socket.'],
  CERT_HAS_EXPIRED: ['its certificate has expired', 'Renew the certificate.'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['its certificate is self-signed', 'Trust it with NODE_EXTRA_CA_CERTS.'],
  SELF_SIGNED_CERT_IN_CHAIN: [
    'its certificate is signed by an unknown authority',
    'Trust it with NODE_EXTRA_CA_CERTS.',
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['its certificate cannot be verified', 'Serve the whole certificate chain.'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['its certificate is for another name', 'Check the host name and the certificate.'],
  UND_ERR_CONNECT_TIMEOUT: ['no connection was made in time', 'Check the address and the firewall.'],
};

function reasonOf(error: unknown, r: HttpRequest, isTimedOut: boolean): [reason: string, next: string] {
  if (r.signal?.aborted) return ['it was aborted', 'Nothing to do: somebody stopped it.'];
  const code = codeOf(error);
  if (isTimedOut || code === 'UND_ERR_CONNECT_TIMEOUT') {
    return [`it timed out after ${r.timeoutMs / 1000} s`, 'Check that the service answers, or raise the time limit.'];
  }
  const known = reasonOfFailure(error);
  if (known !== null) return known;
  const message = error instanceof Error ? error.message : String(error);
  return [redact(message), 'Check the address.'];
}

/** Why a connection failed and what to do, in words; null for an error that is not one of a connection. */
export function reasonOfFailure(error: unknown): [reason: string, next: string] | null {
  const code = codeOf(error);
  const known = REASONS[code];
  if (known) return known;
  if (code.startsWith('HPE_') || (error instanceof Error && error.name === 'HTTPParserError'))
    return ['what came back is not HTTP', 'Check the port and http against https.'];
  const isNotTls = code.startsWith('ERR_SSL') || code === 'EPROTO';
  return isNotTls ? ['what came back is not TLS', 'Check the port and http against https.'] : null;
}

/** The code of the innermost error: undici wraps, and a host with two addresses gives an AggregateError. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  if ('code' in error && typeof error.code === 'string' && error.code !== 'UND_ERR_SOCKET') return error.code;
  const inner = codeOf(error.cause);
  return inner === '' && 'code' in error ? String(error.code) : inner;
}

function cannotBeSent(r: HttpRequest, url: URL, cause: unknown): Problem {
  const where = shownAddress(r, url);
  const why = cause instanceof Error ? redact(cause.message) : 'it is malformed';
  const next = 'Correct its method and headers: a line break or a space in the wrong place cannot be sent.';
  return problem('config-invalid', `${redact(r.method)} ${where} cannot be sent: ${why}`, { where, next, cause });
}

function unreachable(r: HttpRequest, url: URL, [reason, next]: [string, string], cause: unknown): Problem {
  const where = shownAddress(r, url);
  return problem('unreachable', `${r.method.toUpperCase()} ${where}: ${reason}`, { where, next, retry: true, cause });
}

function shownAddress(r: HttpRequest, url: URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return redact(r.socketPath === undefined ? shown.href : `${r.socketPath} ${shown.pathname}`);
}
