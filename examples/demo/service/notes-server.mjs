import { createServer } from 'node:http';
import { createNotes, openDatabase } from './notes-database.mjs';
import { createRequestMetrics } from './request-metrics.mjs';

const BODY_LIMIT_BYTES = 64 * 1024; // a note is a few lines; more is a mistake or an attack
const PAGE_LIMIT = 1000;
const LAST_REQUESTS_MS = 250; // a request already on the wire when the stop came takes a millisecond on one host; this is ample
const STOP_LIMIT_MS = 8000; // below the 10 s after which shipway ends the process by force

/**
 * Runs one version of the notes service until SIGTERM. PORT, HOST and DATABASE come from the environment.
 * `columns` are the note columns this version adds; `before` may refuse a notes request by returning a status (a version's own fault).
 */
export function runNotesServer({ version, columns = [], before = () => null }) {
  const database = openDatabase(process.env.DATABASE ?? 'notes.db');
  const service = {
    version,
    columns,
    before,
    notes: createNotes(database, columns),
    metrics: createRequestMetrics(),
    stopping: false,
  };
  const server = createServer((request, response) => void handle(service, request, response));
  server.keepAliveTimeout = 65_000; // longer than the 60 s that proxies keep idle connections, so that they close first
  server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', () => {
    const { address, port } = server.address();
    process.stdout.write(`notes ${version} listens on http://${address}:${port}\n`);
  });
  const stopOnce = () => {
    if (!service.stopping) stop(service, server, database);
  };
  process.on('SIGTERM', stopOnce);
  process.on('SIGINT', stopOnce);
}

/** Polite end: answers what is under way and what is still coming in with `Connection: close`, then leaves with code 0. */
function stop(service, server, database) {
  service.stopping = true;
  setTimeout(() => {
    server.close(() => {
      database.close();
      process.stdout.write(`notes ${service.version} stopped\n`);
      process.exit(0);
    });
  }, LAST_REQUESTS_MS);
  setTimeout(() => server.closeAllConnections(), STOP_LIMIT_MS).unref();
}

async function handle(service, request, response) {
  const startedAt = process.hrtime.bigint();
  const url = new URL(request.url, 'http://notes');
  const isProbe = url.pathname === '/health' || url.pathname === '/metrics';
  response.setHeader('x-version', service.version);
  response.on('finish', () => {
    if (!isProbe)
      service.metrics.record(request.method, response.statusCode, Number(process.hrtime.bigint() - startedAt) / 1e9);
  });
  try {
    const answer = await answerTo(service, request, url);
    send(service, response, answer);
  } catch (error) {
    process.stderr.write(`${request.method} ${url.pathname}: ${error.message}\n`);
    send(service, response, { status: 500, json: { error: 'internal error' } });
  }
}

async function answerTo(service, request, url) {
  if (url.pathname === '/health') return { status: 200, json: { status: 'ok', version: service.version } };
  if (url.pathname === '/metrics') return { status: 200, text: service.metrics.text() };
  if (url.pathname !== '/notes') return { status: 404, json: { error: `no page ${url.pathname}` } };
  const refused = service.before(request.method);
  if (refused !== null) {
    request.resume();
    return { status: refused, json: { error: 'the notes are not available' } };
  }
  if (request.method === 'GET') return listNotes(service, url);
  if (request.method === 'POST') return addNote(service, request);
  return { status: 405, json: { error: `${request.method} is not possible here, use GET or POST` } };
}

function listNotes(service, url) {
  const limit = Math.min(Math.max(Number(url.searchParams.get('limit') ?? 20) || 20, 1), PAGE_LIMIT);
  const client = url.searchParams.get('client');
  if (client === null) return { status: 200, json: { notes: service.notes.newest(limit) } };
  const after = Number(url.searchParams.get('after') ?? -1) || 0;
  return { status: 200, json: { notes: service.notes.ofClient(client, after, limit) } };
}

async function addNote(service, request) {
  const body = await readBody(request);
  if (body === null) return { status: 413, json: { error: `a note has at most ${BODY_LIMIT_BYTES} bytes` } };
  const note = parseNote(body, service.columns);
  if (note === null)
    return { status: 400, json: { error: 'send {"client": text, "sequence": whole number, "text": text}' } };
  const { created, note: stored } = service.notes.add(note);
  return { status: created ? 201 : 200, json: stored };
}

function parseNote(body, columns) {
  let note;
  try {
    note = JSON.parse(body);
  } catch {
    return null;
  }
  const isGood =
    typeof note?.client === 'string' && Number.isSafeInteger(note.sequence) && typeof note.text === 'string';
  if (!isGood) return null;
  return columns.every((name) => note[name] === undefined || typeof note[name] === 'string') ? note : null;
}

async function readBody(request) {
  const parts = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    if (bytes <= BODY_LIMIT_BYTES) parts.push(part);
  }
  return bytes > BODY_LIMIT_BYTES ? null : Buffer.concat(parts).toString('utf8');
}

function send(service, response, { status, json, text }) {
  if (response.headersSent) return;
  if (service.stopping) response.setHeader('connection', 'close');
  const type = json === undefined ? 'text/plain; version=0.0.4' : 'application/json';
  response.writeHead(status, { 'content-type': type });
  response.end(json === undefined ? text : `${JSON.stringify(json)}\n`);
}
