import { createHash } from 'node:crypto';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { exchange, type ExchangeAnswer } from '../../../platform/http-exchange.ts';
import { registerSecret } from '../../../platform/redact.ts';
import { textIn } from './read-xml.ts';
import { s3Problem } from './s3-problem.ts';
import type { S3Settings } from './settings.ts';
import { EMPTY_SHA256, encodePath, encodeQuery, signRequest, type S3Credentials } from './sign-request.ts';

const SILENCE_SECONDS = 60; // a server that puts parts together says nothing for half a minute
const TEXT_BYTES_MAX = 4 * 1024 * 1024; // a list of 1000 names of 1000 bytes, and what stands around them

export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Below the prefix; null: the bucket itself. */
  path: string | null;
  query?: Record<string, string>;
  /** `x-amz-…` alone. */
  headers?: Record<string, string>;
  /** Not signed: the range of a read. */
  range?: string;
  body?: { chunks: () => AsyncIterable<Buffer>; bytes: number; sha256: string };
}

export interface S3Client {
  /** The answer, if its status is one of these or 2xx; throws what it means otherwise. Whoever asks closes it. */
  open(request: S3Request, also?: number[]): Promise<ExchangeAnswer>;
  /** The text of the answer; an error that comes with status 200 is thrown too. */
  text(request: S3Request, also?: number[]): Promise<{ status: number; text: string; headers: Record<string, string> }>;
  /** The full name of an object. */
  keyOf(path: string): string;
  readonly bucket: string;
  readonly where: string;
}

export function openS3Client(settings: S3Settings, effect: Effect): S3Client {
  const { bucket, region } = settings;
  const endpoint = (settings.endpoint ?? `https://s3.${region}.amazonaws.com`).replace(/\/$/, '');
  const prefix = settings.prefix === undefined ? '' : `${settings.prefix.replace(/\/$/, '')}/`;
  const where = `${endpoint}/${bucket}/${prefix}`;
  const urlOf = ({ path, query = {} }: S3Request): URL => {
    const key = path === null ? '' : `/${encodePath(prefix + path)}`;
    const search = encodeQuery(query);
    return new URL(`${endpoint}/${bucket}${key}${search === '' ? '' : `?${search}`}`);
  };
  const open: S3Client['open'] = async (request, also = []) => {
    effect.signal.throwIfAborted();
    const url = urlOf(request);
    const credentials = credentialsOf(settings, effect);
    const headers = headersOf(request, url, { credentials, region, nowMs: effect.clock.nowMs() });
    const limits = { silenceSeconds: SILENCE_SECONDS, signal: effect.signal };
    const answer = await exchange({ method: request.method, url, headers, ...limits, ...streamOf(request) });
    const { status } = answer;
    if ((status >= 200 && status < 300) || also.includes(status)) return answer;
    const asked = `${request.method} ${url.origin}${url.pathname}`;
    throw refusalOf({ status, text: await readText(answer), asked, where });
  };
  return {
    open,
    async text(request, also = []) {
      const answer = await open(request, also);
      const text = await readText(answer);
      const { status, headers } = answer;
      if (!/<Error[\s>]/.test(text) || also.includes(status)) return { status, text, headers };
      // A copy and the end of a multipart upload begin to answer before they know how it ends.
      throw refusalOf({ status: 500, text, asked: `${request.method} ${request.path ?? ''}`, where });
    },
    keyOf: (path) => prefix + path,
    bucket,
    where,
  };
}

function headersOf(
  { method, headers = {}, range, body }: S3Request,
  url: URL,
  signing: { credentials: S3Credentials; region: string; nowMs: number },
): Record<string, string> {
  return {
    ...signRequest({ method, url, headers, bodySha256: body?.sha256 ?? EMPTY_SHA256 }, signing),
    ...(range === undefined ? {} : { range }),
    ...(body === undefined ? {} : { 'content-length': String(body.bytes) }),
  };
}

/** A stream is begun when it is sent, so that a request that is made again sends all of it again. */
function streamOf({ body }: S3Request): { body?: AsyncIterable<Buffer> } {
  return body === undefined || body.bytes === 0 ? {} : { body: body.chunks() };
}

/** Late, at every request, and masked from then on whatever the variables are called. */
function credentialsOf(settings: S3Settings, effect: Effect): S3Credentials {
  const resolve = (written: string): string => {
    const value = effect.resolve(written).trim();
    registerSecret(written.replace(/[${}]/g, ''), value);
    if (value !== '' && !/[\r\n]/.test(value)) return value;
    throw problem('not-permitted', `the variable ${written} holds no credentials`, {
      where: 'backups.copies',
      next: 'Put the key of the place into it.',
    });
  };
  const token = settings['session-token'];
  return {
    accessKey: resolve(settings['access-key']),
    secretKey: resolve(settings['secret-key']),
    sessionToken: token === undefined ? null : resolve(token),
  };
}

function refusalOf({ status, text, asked, where }: { status: number; text: string; asked: string; where: string }) {
  const code = textIn(text, 'Code') ?? '';
  const message = textIn(text, 'Message') ?? (code === '' ? text.slice(0, 100) : '');
  return s3Problem({ status, code, message, asked, where });
}

/** All of a short answer; closes it. */
async function readText(answer: ExchangeAnswer): Promise<string> {
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer.body) {
      bytes += chunk.length;
      if (bytes > TEXT_BYTES_MAX) break;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    await answer.close();
  }
}

/** A text as the body of a request. */
export function textBody(text: string): NonNullable<S3Request['body']> {
  const bytes = Buffer.from(text, 'utf8');
  return {
    // A stream has to be one that can be begun again.
    chunks: async function* () {
      yield bytes;
    },
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}
