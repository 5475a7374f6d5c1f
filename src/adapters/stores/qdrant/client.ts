import { isProblem, problem, type Problem, type ProblemKind } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { download, request, uploadForm, type HttpRequest, type HttpResponse } from '../../../platform/http-client.ts';
import { redact, registerSecret } from '../../../platform/redact.ts';
import type { QdrantSettings } from './settings.ts';

const BODY_LIMIT_BYTES = 64 * 1024 * 1024; // a page of points with their vectors
const ANSWER_SHOWN = 300; // characters of a refusal: enough for the sentence that says why

/** What a request of ours failed for, when the server says no. */
export type QdrantKind = Extract<ProblemKind, 'backup-failed' | 'backup-invalid' | 'restore-failed' | 'check-failed'>;

/** A server, spoken to under one kind of trouble. */
export interface QdrantServer {
  /** For people, without user and password. */
  shown: string;
  /** As the server tells it, such as `1.15.4`. */
  version(): Promise<string>;
  /** The answer's `result`. */
  call(method: string, path: string, body?: string): Promise<unknown>;
  /** The same, null when it is not there. */
  find(path: string): Promise<unknown>;
  download(path: string, file: string): Promise<void>;
  upload(path: string, file: { place: string; bytes: number }): Promise<unknown>;
}

/** Opens nothing: every call is a connection of its own. */
export function connectTo(
  place: Pick<QdrantSettings, 'url' | 'apiKey'>,
  limits: { timeoutSeconds: number; kind: QdrantKind },
  effect: Effect,
): QdrantServer {
  const { kind } = limits;
  const { shown, ask } = createAsker(place, limits, effect);
  const call = async (method: string, path: string, body?: string): Promise<unknown> => {
    const answer = await ask(method, path, (r) => request(body === undefined ? r : withJson(r, body)));
    return resultOf(answer, `${shown}${path}`, kind);
  };
  return {
    shown,
    version: async () => {
      const found = valueOf(await ask('GET', '/', request), shown, kind) as { version?: unknown } | null;
      if (typeof found?.version === 'string') return found.version;
      throw notQdrant(shown, kind);
    },
    call,
    find: async (path) =>
      call('GET', path).catch((error: unknown) => {
        if (error instanceof Error && isNotFound(error)) return null;
        throw error;
      }),
    download: async (path, file) => void (await ask('GET', path, (r) => download(r, file))),
    upload: async (path, { place: file, bytes }) => {
      const answer = await ask('POST', path, (r) => uploadForm(r, { field: 'snapshot', file, bytes }));
      return resultOf(answer, `${shown}${path}`, kind);
    },
  };
}

function withJson(r: HttpRequest, body: string): HttpRequest {
  return { ...r, body, headers: { ...r.headers, 'content-type': 'application/json' } };
}

interface Asker {
  shown: string;
  /** Any answer but a good one is thrown as a problem. */
  ask: (method: string, path: string, send: (r: HttpRequest) => Promise<HttpResponse>) => Promise<HttpResponse>;
}

function createAsker(
  { url, apiKey }: Pick<QdrantSettings, 'url' | 'apiKey'>,
  { timeoutSeconds, kind }: { timeoutSeconds: number; kind: QdrantKind },
  effect: Effect,
): Asker {
  const base = effect.resolve(url).replace(/\/+$/, '');
  const key = apiKey === null ? null : effect.resolve(apiKey);
  if (key !== null) registerSecret('api key of Qdrant', key);
  const shown = redact(base.replace(/\/\/[^/]*@/, '//'));
  return {
    shown,
    ask: async (method, path, send) => {
      const answer = await send({
        method,
        url: `${base}${path}`,
        headers: key === null ? {} : { 'api-key': key },
        timeoutMs: timeoutSeconds * 1000,
        maxBodyBytes: BODY_LIMIT_BYTES,
        signal: effect.signal,
      }).catch((error: unknown) => {
        effect.signal.throwIfAborted();
        throw downProblem(kind, error);
      });
      if (answer.status >= 200 && answer.status < 300) return answer;
      throw refusal(kind, `${shown}${path}`, answer);
    },
  };
}

/** `/collections/<name>` and what follows, with the name as it must be written in an address. */
export function pathOf(collection: string, rest = ''): string {
  return `/collections/${encodeURIComponent(collection)}${rest}`;
}

/** Ids of points are whole numbers of 64 bits, which a JavaScript number cannot hold: long numbers become texts. */
export function parseExactly(text: string): unknown {
  return JSON.parse(
    text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (found) => (found.startsWith('"') ? found : `"${found}"`)),
  );
}

function resultOf(answer: HttpResponse, where: string, kind: QdrantKind): unknown {
  const value = valueOf(answer, where, kind);
  if (typeof value === 'object' && value !== null && 'result' in value) return value.result;
  throw notQdrant(where, kind);
}

function valueOf(answer: HttpResponse, where: string, kind: QdrantKind): unknown {
  try {
    if (!answer.bodyCut) return parseExactly(answer.body);
  } catch {
    // Answered below.
  }
  throw notQdrant(where, kind);
}

function notQdrant(where: string, kind: QdrantKind): Problem {
  return problem(kind, 'what answers there is not a Qdrant server', {
    where,
    next: 'Correct the url of the store: it is that of the REST interface, usually port 6333.',
  });
}

const notFound = new WeakSet<Error>();

/** Whether the server said that a collection, an alias or a snapshot is not there. */
export function isNotFound(error: Error): boolean {
  return notFound.has(error);
}

function refusal(kind: QdrantKind, where: string, { status, body }: HttpResponse): Problem {
  const said = redact(saidIn(body));
  if (status === 401 || status === 403) {
    return problem('not-permitted', `the Qdrant server refuses the api key (${status}): ${said}`, {
      where,
      next: 'Set the variable of "api-key" to a key that may read and write.',
    });
  }
  if (status === 507 || /no space left/i.test(said)) {
    return problem('disk-full', `the disk of the Qdrant server is full: ${said}`, { where, next: 'Make room there.' });
  }
  const found = problem(kind, `the Qdrant server answered ${status}: ${said}`, {
    where,
    next: status >= 500 ? 'Look into the log of the server and try again.' : 'Look what is wrong with what it names.',
    retry: status >= 500,
  });
  if (status === 404) notFound.add(found);
  return found;
}

function saidIn(body: string): string {
  try {
    const { status } = JSON.parse(body) as { status?: { error?: unknown } };
    if (typeof status?.error === 'string') return status.error.slice(0, ANSWER_SHOWN);
  } catch {
    // It said it in plain text.
  }
  return body.slice(0, ANSWER_SHOWN).trim() || 'no reason';
}

/** A server that is down is a backup, or a restore, that failed. */
function downProblem(kind: QdrantKind, error: unknown): unknown {
  if (!isProblem(error) || error.kind !== 'unreachable') return error;
  return problem(kind, error.message, { where: error.where ?? 'Qdrant', next: error.next, retry: true, cause: error });
}
