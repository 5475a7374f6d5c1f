import type { IncomingMessage } from 'node:http';
import { problem, type Problem } from '../core/release/problem.ts';
import { beginAnswer, joinHeaders } from './begin-answer.ts';
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
  let answer: IncomingMessage | null = null;
  const close = async (): Promise<void> => {
    watch.end();
    answer?.destroy();
  };
  const explain = (error: unknown): unknown => {
    if (request.signal.aborted) return request.signal.reason;
    return watch.isSilent() ? silence(request, error) : asProblem(request, error);
  };
  try {
    const { url, method, headers, signal } = { ...request, signal: watch.signal };
    const body = request.body === undefined ? {} : { body: watch.pass(asTold(request, request.body)) };
    answer = await beginAnswer({ url, method, headers, signal, ...body });
    watch.heard();
    const { statusCode: status = 0 } = answer;
    return { status, headers: joinHeaders(answer.headers), body: explained(watch.pass(answer), explain), close };
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

/** A body of another length would be cut by the other side, or keep it waiting for the rest. */
async function* asTold({ url, headers }: ExchangeRequest, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const told = Number(headers['content-length']);
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > told) throw notAsTold(url, told);
    yield chunk;
  }
  if (bytes !== told) throw notAsTold(url, told);
}

function notAsTold(url: URL, told: number): Problem {
  return problem('backup-failed', `the body has not the ${told} bytes that were told`, {
    where: redact(url.origin + url.pathname),
    next: 'Nothing may write to a file while it is sent. Run the command again.',
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
