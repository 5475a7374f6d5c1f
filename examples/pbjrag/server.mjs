import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from '../../../serve.mjs';

const { VERSION, UPLOADS } = process.env;
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

serve({
  'GET /uploads': () => readdirSync(UPLOADS).sort(),
  'POST /uploads': ({ name, text }) => {
    writeFileSync(placeOf(name), text);
    return { name };
  },
  'POST /index': () => {
    const names = readdirSync(UPLOADS);
    for (const name of names) index(name);
    return { indexed: names.length };
  },
});
