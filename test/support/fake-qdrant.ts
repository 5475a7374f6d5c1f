import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { FakeQdrantData, readJson, Refusal, writeJson, type Point } from './fake-qdrant-data.ts';

const VERSION = '1.15.4';
const WORK_MS = 5; // a snapshot and a recovery take time: without `wait` the answer comes before

/** A fake: no Qdrant server can be had here. It speaks the REST interface as its public documentation describes it, and really holds the data. */
export interface FakeQdrant {
  url: string;
  data: FakeQdrantData;
  /** `METHOD /path` of everything that was asked. */
  asked: string[];
  /** Called before each answer; what it throws is the answer. */
  before: (asked: string) => void;
  /** Also deletes its snapshots. */
  close(): Promise<void>;
}

interface Asked {
  method: string;
  /** Parts of the path, decoded. */
  parts: string[];
  query: URLSearchParams;
  body: Buffer;
}

/** `status` 200 unless it says something else; a Buffer is a file. */
type Answer = { result: unknown } | { file: Buffer } | { accepted: true } | { plain: object };

export async function startFakeQdrant({ apiKey = null }: { apiKey?: string | null } = {}): Promise<FakeQdrant> {
  const fake: FakeQdrant = {
    url: '',
    data: new FakeQdrantData(),
    asked: [],
    before: () => undefined,
    close: async () => {
      await closed(server);
      rmSync(fake.data.folder, { recursive: true, force: true });
    },
  };
  const server = createServer((request, response) => {
    void respond(fake, request, apiKey).then(({ status, type, body }) => {
      response.writeHead(status, { 'content-type': type }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

async function respond(
  fake: FakeQdrant,
  request: IncomingMessage,
  apiKey: string | null,
): Promise<{ status: number; type: string; body: string | Buffer }> {
  const url = new URL(request.url ?? '/', fake.url);
  const method = request.method ?? '';
  const parts = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
  fake.asked.push(`${method} ${url.pathname}`);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const json = 'application/json';
  try {
    if (apiKey !== null && request.headers['api-key'] !== apiKey) throw new Unauthorized(request.headers['api-key']);
    fake.before(`${method} ${url.pathname}`);
    const answer = await answerTo(
      fake.data,
      { method, parts, query: url.searchParams, body: Buffer.concat(chunks) },
      request,
    );
    if ('file' in answer) return { status: 200, type: 'application/octet-stream', body: answer.file };
    if ('plain' in answer) return { status: 200, type: json, body: writeJson(answer.plain) };
    if ('accepted' in answer) return { status: 202, type: json, body: writeJson({ time: 0, status: 'accepted' }) };
    return { status: 200, type: json, body: writeJson({ result: answer.result, status: 'ok', time: 0.001 }) };
  } catch (error) {
    if (error instanceof Unauthorized) return { status: 401, type: 'text/plain', body: error.message };
    const status = error instanceof Refusal ? error.status : 500;
    const said = error instanceof Error ? error.message : String(error);
    return { status, type: json, body: writeJson({ status: { error: said }, time: 0.001 }) };
  }
}

class Unauthorized extends Error {
  constructor(given: unknown) {
    super(given === undefined ? 'Must provide an API key or an Authorization bearer token' : 'Invalid API key or JWT');
  }
}

async function answerTo(data: FakeQdrantData, asked: Asked, request: IncomingMessage): Promise<Answer> {
  const { method, parts, body } = asked;
  const [root, name, what] = parts;
  switch (`${method} ${root ?? ''}`) {
    case 'GET ':
      return { plain: { title: 'qdrant - vector search engine', version: VERSION, commit: 'fake' } };
    case 'GET cluster':
      return { result: data.cluster };
    case 'GET aliases':
      return {
        result: {
          aliases: [...data.aliases].map(([alias_name, collection_name]) => ({ alias_name, collection_name })),
        },
      };
    default:
  }
  if (root !== 'collections') throw new Refusal(404, 'Not found');
  if (name === undefined)
    return { result: { collections: [...data.collections.keys()].map((found) => ({ name: found })) } };
  if (name === 'aliases' && method === 'POST') {
    data.changeAliases((readJson(body.toString()) as { actions: [] }).actions);
    return { result: true };
  }
  if (what === 'points') return answerAboutPoints(data, name, asked);
  if (what === 'snapshots') return answerAboutSnapshots(data, name, asked, request);
  return answerAboutCollection(data, name, asked);
}

function answerAboutCollection(data: FakeQdrantData, name: string, { method, body }: Asked): Answer {
  switch (method) {
    case 'GET': {
      const { status, config, points } = data.collection(name);
      return {
        result: {
          status,
          optimizer_status: 'ok',
          points_count: points.size,
          segments_count: 1,
          config,
          payload_schema: {},
        },
      };
    }
    case 'PUT':
      data.create(name, JSON.parse(body.toString()) as object);
      return { result: true };
    case 'DELETE':
      return { result: data.remove(name) };
    default:
      throw new Refusal(405, 'Method not allowed');
  }
}

function answerAboutPoints(data: FakeQdrantData, name: string, { method, parts, body }: Asked): Answer {
  const sent = readJson(body.toString()) as { points?: Point[]; limit?: number; offset?: unknown };
  if (method === 'PUT') {
    data.put(name, sent.points ?? []);
    return { result: { operation_id: 1, status: 'completed' } };
  }
  if (parts[3] === 'count') return { result: { count: data.collection(name).points.size } };
  if (parts[3] === 'scroll') return { result: data.page(name, sent.offset, sent.limit ?? 10) };
  throw new Refusal(404, 'Not found');
}

async function answerAboutSnapshots(
  data: FakeQdrantData,
  name: string,
  { method, parts, query, body }: Asked,
  request: IncomingMessage,
): Promise<Answer> {
  const file = parts[3];
  const isAwaited = query.get('wait') !== 'false';
  const inTime = async <Result>(work: () => Result): Promise<Answer> => {
    const done = delay(WORK_MS).then(work);
    if (isAwaited) return { result: await done };
    void done.catch(() => undefined);
    return { accepted: true };
  };
  if (method === 'POST' && file === 'upload') {
    const archive = fieldOf(body, request.headers['content-type'] ?? '');
    return inTime(() => (data.recover(name, archive, query.get('checksum')), true));
  }
  if (file === undefined) {
    if (method === 'GET') return { result: data.snapshots(name) };
    if (method === 'POST') return inTime(() => data.snapshot(name));
  } else if (method === 'GET') return { file: data.snapshotFile(name, file) };
  else if (method === 'DELETE') return inTime(() => (data.removeSnapshot(name, file), true));
  throw new Refusal(405, 'Method not allowed');
}

/** The content of the field `snapshot` of a form. */
function fieldOf(body: Buffer, contentType: string): Buffer {
  const boundary = /boundary=(.+)$/.exec(contentType)?.[1] ?? '';
  const start = body.indexOf('\r\n\r\n') + 4;
  const end = body.lastIndexOf(`\r\n--${boundary}--`);
  const head = body.subarray(0, start).toString('latin1');
  if (boundary === '' || start < 4 || end < start || !head.includes('name="snapshot"'))
    throw new Refusal(400, 'Wrong input: the form has no field snapshot');
  return body.subarray(start, end);
}
