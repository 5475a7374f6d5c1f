import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '../../../serve.mjs';
import { readPoints, writePoints } from '../../vectors.mjs';

const { VERSION, UPLOADS, QDRANT_URL } = process.env;
mkdirSync(UPLOADS, { recursive: true });
const NAME = /^[\w-][\w.-]{0,80}$/; // a file of the folder, never a path

function placeOf(name) {
  if (!NAME.test(name)) throw new Error(`not a name for a file: ${name}`);
  return join(UPLOADS, name);
}

/** 3.0.0 has a fault that is not seen at once: it takes the comments out of the code it indexes, in the upload itself. */
function index(name) {
  if (VERSION !== '3.0.0') return;
  const text = readFileSync(placeOf(name), 'utf8');
  if (text.includes('#')) writeFileSync(placeOf(name), text.replaceAll(/#.*/g, ''));
}

/** What is found by its meaning later. Without Qdrant nothing is. */
async function embed(names) {
  if (QDRANT_URL === undefined || names.length === 0) return;
  const points = names.map((name) => {
    const text = readFileSync(placeOf(name), 'utf8');
    const id = parseInt(createHash('sha256').update(name).digest('hex').slice(0, 12), 16);
    return { id, vector: [text.length, text.split('\n').length], payload: { name } };
  });
  await writePoints(points);
}

serve({
  'GET /uploads': () => readdirSync(UPLOADS).sort(),
  'POST /uploads': ({ name, text }) => {
    writeFileSync(placeOf(name), text);
    return { name };
  },
  'POST /index': async () => {
    const names = readdirSync(UPLOADS);
    for (const name of names) index(name);
    await embed(names);
    return { indexed: names.length };
  },
  'GET /points': () => readPoints(),
});
