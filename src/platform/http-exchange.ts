import { Readable } from 'node:stream';
import type { Client, Dispatcher } from 'undici';
import { problem, type Problem } from '../core/release/problem.ts';
import { reasonOfFailure } from './http-client.ts';
import { redact } from './redact.ts';

export interface ExchangeRequest {
  method: string;
  url: URL;
  headers: Record<string, string>;
  /** Sent piece by piece; `content-length` must be among the headers. */
  body?: AsyncIterable<Buffer>;
  /** No byte in either direction for so long is the end of it; the whole may take as long as it takes. */
  silenceSeconds: number;
  signal: AbortSignal;
}

export interface ExchangeAnswer {
  status: number;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: AsyncIterable<Buffer>;
  /** Ends the connection, also in the middle of the body; must be called. */
  close(): Promise<void>;
}

/**
 * One request whose body, and whose answer, may be larger than memory. Nothing is tried again, no redirect is followed. No answer, or
 * half of one, is the Problem `unreachable`.
 */
export async function exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
  const watch = watchSilence(request);
  const client = await connect(request);
  const close = async (): Promise<void> => {
    watch.end();
    await client.destroy().catch(() => undefined);
  };
  const explain = (error: unknown): unknown => {
    if (request.signal.aborted) return request.signal.reason;
    return watch.isSilent() ? silence(request, error) : asProblem(request, error);
  };
  try {
    const answer = await client.request({
      method: request.method as Dispatcher.HttpMethod,
      path: request.url.pathname + request.url.search,
      headers: request.headers,
      signal: watch.signal,
      ...(request.body === undefined ? {} : { body: Readable.from(watch.pass(request.body), { objectMode: false }) }),
    });
    watch.heard();
    const body = explained(watch.pass(answer.body), explain);
    return { status: answer.statusCode, headers: plain(answer.headers), body, close };
  } catch (error) {
    await close();
    throw explain(error);
  }
}

async function* explained(source: AsyncIterable<Buffer>, explain: (error: unknown) => unknown): AsyncGenerator<Buffer> {
  try {
    yield* source;
  } catch (error) {
    throw explain(error);
  }
}

async function connect({ url, silenceSeconds }: ExchangeRequest): Promise<Client> {
  const { Client } = await import('undici');
  // undici's own limits are off: what counts is the silence, in both directions.
  return new Client(url.origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: silenceSeconds * 1000 },
    pipelining: 1,
  });
}

interface SilenceWatch {
  signal: AbortSignal;
  heard(): void;
  isSilent(): boolean;
  pass(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
  end(): void;
}

function watchSilence({ signal, silenceSeconds }: ExchangeRequest): SilenceWatch {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), silenceSeconds * 1000);
  const heard = (): void => void timer.refresh();
  return {
    signal: AbortSignal.any([signal, limit.signal]),
    heard,
    isSilent: () => limit.signal.aborted,
    async *pass(source) {
      for await (const chunk of source) {
        heard();
        yield chunk;
      }
      heard();
    },
    end: () => clearTimeout(timer),
  };
}

function plain(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}

function silence({ method, url, silenceSeconds }: ExchangeRequest, cause: unknown): Problem {
  return problem('unreachable', `${method} ${url.origin}: nothing was heard for ${silenceSeconds} s`, {
    where: redact(url.origin + url.pathname),
    next: 'Check the network and the server, then run the command again.',
    retry: true,
    cause,
  });
}

/** What reading the file to be sent throws is no matter of the connection. */
function asProblem(request: ExchangeRequest, error: unknown): unknown {
  const reason = reasonOfFailure(error);
  if (reason === null) return error;
  const where = redact(request.url.origin + request.url.pathname);
  const [why, next] = reason;
  return problem('unreachable', `${request.method} ${where}: ${why}`, { where, next, retry: true, cause: error });
}
