import { Agent, request as httpRequest } from 'node:http';

const REQUEST_LIMIT_MS = 10_000; // people give up sooner; a slower answer counts as failed
const PAGE = 1000; // the largest page the service gives
const KEPT_FAILURES = 20; // enough to see a pattern, small enough for a terminal

/**
 * Sends requests to a notes service until it is stopped: `clients` senders in turn GET and POST /notes, together at most
 * `requestsPerSecond`. Half of the senders keep one connection alive, the others open a fresh one for each request.
 * Nothing is retried: what a person would have seen as an error is counted as one.
 */
export function startLoad({ url, requestsPerSecond = 100, clients = 4, name = 'load' }) {
  const load = {
    url: new URL(url),
    name,
    isStopping: false,
    nextSequence: 1,
    acknowledged: [],
    failures: [],
    counts: new Map(),
  };
  const pauseMs = (1000 * clients) / requestsPerSecond;
  const senders = Array.from({ length: clients }, (_, index) => runSender(load, index, pauseMs));
  return {
    /** What was sent so far. */
    report: () => makeReport(load),
    /** Ends after the requests under way and returns the final report. */
    async stop() {
      load.isStopping = true;
      await Promise.all(senders);
      return makeReport(load);
    },
    /** Reads back every acknowledged note of this load; call it after `stop`. */
    findMissing: () => findMissing(load),
  };
}

async function runSender(load, index, pauseMs) {
  const agent = index % 2 === 0 ? new Agent({ keepAlive: true, maxSockets: 1 }) : new Agent({ keepAlive: false });
  let dueAt = performance.now() + (index * pauseMs) / 4;
  for (let turn = 0; !load.isStopping; turn += 1) {
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    // Time lost to slow answers is not caught up with: a burst afterwards would break the bound of the rate.
    dueAt = Math.max(dueAt, performance.now() - pauseMs) + pauseMs;
    if (load.isStopping) break;
    await (turn % 2 === 0 ? getNotes(load, agent) : postNote(load, agent));
  }
  agent.destroy();
}

async function getNotes(load, agent) {
  const answer = await send(load, agent, { method: 'GET', path: '/notes?limit=5' });
  count(load, 'GET', answer, answer.status === 200);
}

async function postNote(load, agent) {
  const sequence = load.nextSequence;
  load.nextSequence += 1;
  const body = JSON.stringify({ client: load.name, sequence, text: `note ${sequence}` });
  const answer = await send(load, agent, { method: 'POST', path: '/notes', body });
  const isStored = answer.status === 201 || answer.status === 200;
  if (isStored) load.acknowledged.push(sequence);
  count(load, 'POST', answer, isStored);
}

/** Always resolves; a request that got no whole answer has status 0, version "none" and the reason. */
function send(load, agent, { method, path, body }) {
  return new Promise((resolve) => {
    const headers =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const { hostname, port } = load.url;
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    const fail = (error) => resolve({ status: 0, version: 'none', reason: error.code ?? error.message, body: '' });
    const sent = httpRequest({ agent, hostname, port, method, path, headers, signal }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', fail);
      response.on('end', () => {
        const version = response.headers['x-version'] ?? 'none';
        resolve({
          status: response.statusCode,
          version,
          reason: `status ${response.statusCode}`,
          body: Buffer.concat(parts).toString(),
        });
      });
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

function count(load, method, answer, isGood) {
  const entry = load.counts.get(answer.version) ?? { sent: 0, failed: 0, statuses: {} };
  load.counts.set(answer.version, entry);
  entry.sent += 1;
  entry.statuses[answer.status] = (entry.statuses[answer.status] ?? 0) + 1;
  if (isGood) return;
  entry.failed += 1;
  if (load.failures.length < KEPT_FAILURES) {
    load.failures.push({
      at: new Date().toISOString(),
      method,
      version: answer.version,
      status: answer.status,
      reason: answer.reason,
    });
  }
}

function makeReport(load) {
  const byVersion = Object.fromEntries(
    [...load.counts].map(([version, entry]) => [version, { ...entry, statuses: { ...entry.statuses } }]),
  );
  const sum = (field) => Object.values(byVersion).reduce((total, entry) => total + entry[field], 0);
  const sent = sum('sent');
  const failed = sum('failed');
  return { sent, failed, byVersion, acknowledged: load.acknowledged.length, firstFailures: [...load.failures] };
}

/** Failures in all but the named versions; a request without an answer counts here, since nobody can say whose fault it was. */
export function failedOutside(report, badVersions) {
  return Object.entries(report.byVersion)
    .filter(([version]) => !badVersions.includes(version))
    .reduce((total, [, entry]) => total + entry.failed, 0);
}

async function findMissing(load) {
  const agent = new Agent({ keepAlive: true });
  const present = new Set();
  try {
    for (let after = 0; ;) {
      const path = `/notes?client=${encodeURIComponent(load.name)}&after=${after}&limit=${PAGE}`;
      const answer = await send(load, agent, { method: 'GET', path });
      if (answer.status !== 200) throw new Error(`the notes could not be read back: ${answer.reason}`);
      const { notes } = JSON.parse(answer.body);
      for (const note of notes) if (note.text === `note ${note.sequence}`) present.add(note.sequence);
      if (notes.length < PAGE) break;
      after = notes.at(-1).sequence;
    }
  } finally {
    agent.destroy();
  }
  return load.acknowledged.filter((sequence) => !present.has(sequence)).sort((a, b) => a - b);
}
