// What the app keeps in Qdrant, and the migration of it. `node vectors.mjs up VERSION | down REVISION | revision | start CONTAINER`
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const URL_OF_QDRANT = process.env.QDRANT_URL ?? 'http://127.0.0.1:6333';
const PAGE = 100;
const READY_SECONDS = 60; // a large collection is read when the server starts
const LANGUAGES = { py: 'python', js: 'javascript', ts: 'typescript' };

async function ask(method, path, body) {
  const init =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const answer = await fetch(`${URL_OF_QDRANT}${path}`, { method, ...init });
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()).result;
}

async function ensureCollection(name, size) {
  const { exists } = await ask('GET', `/collections/${name}/exists`);
  if (!exists) await ask('PUT', `/collections/${name}`, { vectors: { size, distance: 'Dot' } });
}

/** Every point of a collection, by id. */
export async function readPoints(name = 'chunks') {
  await ensureCollection(name, 2);
  const points = [];
  for (let offset = null; ;) {
    const wanted = { limit: PAGE, with_payload: true, with_vector: true, ...(offset === null ? {} : { offset }) };
    const page = await ask('POST', `/collections/${name}/points/scroll`, wanted);
    points.push(...page.points);
    offset = page.next_page_offset;
    if (offset === null) return points;
  }
}

export async function writePoints(points) {
  await ensureCollection('chunks', 2);
  await ask('PUT', '/collections/chunks/points?wait=true', { points });
}

/** 2: each point knows the language of its file. */
async function revision() {
  const [point] = await readPoints('revision');
  return point?.payload.revision ?? 1;
}

async function noteRevision(number) {
  await ensureCollection('revision', 2);
  const point = { id: 1, vector: [0, 0], payload: { revision: number } };
  await ask('PUT', '/collections/revision/points?wait=true', { points: [point] });
}

/** The versions before 3 know of no languages. */
async function up(version) {
  if (Number(version.split('.')[0]) < 3) return;
  for (const { id, payload } of await readPoints()) {
    const language = LANGUAGES[payload.name.split('.').at(-1)] ?? 'unknown';
    await ask('POST', '/collections/chunks/points/payload?wait=true', { points: [id], payload: { language } });
  }
  await noteRevision(2);
}

async function down(to) {
  if (to !== '1') throw new Error(`there is no way down to ${to}`);
  const points = (await readPoints()).map(({ id }) => id);
  await ask('POST', '/collections/chunks/points/payload/delete?wait=true', { points, keys: ['language'] });
  await noteRevision(1);
}

/** Starts the container, and waits until Qdrant answers. */
async function start(container) {
  execFileSync('docker', ['start', container], { stdio: 'inherit' });
  const endsAt = Date.now() + READY_SECONDS * 1000;
  for (;;) {
    const isReady = await fetch(`${URL_OF_QDRANT}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    if (Date.now() > endsAt) throw new Error(`Qdrant does not answer after ${READY_SECONDS} s`);
    await delay(100);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [act, argument] = process.argv.slice(2);
  const acts = { up, down, start, revision: async () => console.log(await revision()) };
  await acts[act](argument);
}
