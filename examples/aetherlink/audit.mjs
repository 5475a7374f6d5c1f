// The hash-chained audit log: one JSON line for each entry, each with the hash of the one before it. It is evidence: exported, never put back.
// usage: node audit.mjs begin | verify | export | restore | check | fingerprint | say-restored | say-undone. AUDIT_PATH names the log.
import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const START = '0'.repeat(64);
const LIVE = process.env.AUDIT_PATH;
const hashOf = (entry) => createHash('sha256').update(JSON.stringify(entry)).digest('hex');
const linesOf = (path) => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []);

/** Appends one event. */
export function record(event_type, data, path = LIVE) {
  const last = linesOf(path).at(-1);
  const entry = {
    at: new Date().toISOString(),
    event_type,
    data,
    previous: last === undefined ? START : JSON.parse(last).hash,
  };
  appendFileSync(path, `${JSON.stringify({ ...entry, hash: hashOf(entry) })}\n`);
}

/** As the document prints it, and the first entry that is wrong. */
export function verifyChain(path = LIVE) {
  const lines = linesOf(path);
  let previous = START;
  for (const [index, line] of lines.entries()) {
    const { hash, ...entry } = JSON.parse(line);
    if (entry.previous !== previous || hash !== hashOf(entry))
      return { valid: false, total_entries: lines.length, first_bad: index };
    previous = hash;
  }
  return { valid: true, total_entries: lines.length, head: previous };
}

function requireValid(path) {
  const found = verifyChain(path);
  console.log(JSON.stringify(found));
  if (!found.valid) process.exitCode = 1;
}

/** Once for each restore, also when it is called again after a crash. */
function recordOnce(event_type, tag) {
  const isThere = linesOf(LIVE).some(
    (line) => JSON.parse(line).event_type === event_type && JSON.parse(line).data.tag === tag,
  );
  if (!isThere) record(event_type, { tag });
}

const { BACKUP_DIR = '', INTO = '', TAG = '' } = process.env;
const acts = {
  begin: () => record('log_begun', {}),
  verify: () => requireValid(LIVE),
  export: () => copyFileSync(LIVE, join(BACKUP_DIR, 'ops.jsonl')),
  restore: () => copyFileSync(join(BACKUP_DIR, 'ops.jsonl'), join(INTO, 'ops.jsonl')),
  check: () => requireValid(join(INTO, 'ops.jsonl')),
  fingerprint: () => console.log(verifyChain(join(INTO, 'ops.jsonl')).head),
  'say-restored': () => recordOnce('data_restored', TAG),
  'say-undone': () => recordOnce('restore_undone', TAG),
};

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const act = acts[process.argv[2]];
  if (act === undefined) throw new Error(`usage: node audit.mjs ${Object.keys(acts).join(' | ')}`);
  act();
}
