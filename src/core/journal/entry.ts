import canonicalize from 'canonicalize';
import type { JsonObject } from '../release/json.ts';
import type { Actor } from './event.ts';

/** One entry as it is hashed and kept for ever. */
export interface JournalEntry {
  /** 1, 2, 3 … without gaps. */
  index: number;
  /** RFC 3339 in UTC, as text: a date type would lose digits on the way through the database. */
  at: string;
  type: string;
  release: string | null;
  service: string;
  environment: string;
  actor: Actor;
  data: JsonObject;
}

const DEPTH_MAX = 32; // ours are 5 deep; a cycle ends here too
const AT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
const KEYS = ['actor', 'at', 'data', 'environment', 'index', 'release', 'service', 'type'];

/**
 * The entry as RFC 8785 canonical JSON: the text whose UTF-8 bytes are stored and hashed. Throws for what has no single
 * such form: NaN, infinities, half surrogate pairs, undefined, dates, class instances, more than 32 levels.
 */
export function entryText(entry: JournalEntry): string {
  const fault = explainShape(entry) ?? explainValue(entry, 'entry', 0);
  if (fault !== null) throw new TypeError(`not a journal entry: ${fault}`);
  const text = canonicalize(entry);
  if (text === undefined) throw new TypeError('not a journal entry: it has no JSON form');
  return text;
}

/**
 * The same text without time and index, in the three pieces that stand before, between and after them: canonical JSON sorts its keys, so
 * `at` always stands behind the actor and `index` behind the environment. Joined with both it is exactly what `entryText` gives.
 */
export function splitEntry(entry: Omit<JournalEntry, 'at' | 'index'>): [string, string, string] {
  const probe = { ...entry, at: '2000-01-01T00:00:00.000Z', index: 1 };
  const fault = explainShape(probe) ?? explainValue(probe, 'entry', 0);
  if (fault !== null) throw new TypeError(`not a journal entry: ${fault}`);
  const { actor, data, environment, release, service, type } = entry;
  const open = (part: object): string => canonicalize(part)?.slice(0, -1) ?? '';
  const rest = canonicalize({ release, service, type })?.slice(1) ?? '';
  return [`${open({ actor })},"at":"`, `",${open({ data, environment }).slice(1)},"index":`, `,${rest}`];
}

/** Reads stored text back; null when it is not exactly what `entryText` writes for some entry. */
export function parseEntry(text: string): JournalEntry | null {
  try {
    const entry = JSON.parse(text) as JournalEntry;
    return entryText(entry) === text ? entry : null;
  } catch {
    return null;
  }
}

function explainShape(entry: JournalEntry): string | null {
  if (typeof entry !== 'object' || entry === null) return 'it is not an object';
  if (Object.keys(entry).sort().join() !== KEYS.join()) return `its fields are not ${KEYS.join(', ')}`;
  if (!Number.isSafeInteger(entry.index) || entry.index < 1) return 'index is not a whole number from 1 on';
  if (typeof entry.at !== 'string' || !AT.test(entry.at)) return 'at is not an RFC 3339 time in UTC';
  if (typeof entry.type !== 'string' || entry.type === '') return 'type is not a text';
  if (entry.release !== null && typeof entry.release !== 'string') return 'release is not a text or null';
  if (typeof entry.service !== 'string' || typeof entry.environment !== 'string')
    return 'service or environment is not a text';
  if (typeof entry.actor?.kind !== 'string' || typeof entry.actor.id !== 'string') return 'actor is not {kind, id}';
  if (typeof entry.data !== 'object' || entry.data === null || Array.isArray(entry.data))
    return 'data is not an object';
  return null;
}

/** What in the value JSON would drop, change or write in two ways; null when there is nothing such. */
function explainValue(value: unknown, path: string, depth: number): string | null {
  if (value === null || typeof value === 'boolean') return null;
  if (typeof value === 'number') return Number.isFinite(value) ? null : `${path} is ${value}`;
  if (typeof value === 'string') return /\p{Surrogate}/u.test(value) ? `${path} holds half a surrogate pair` : null;
  if (typeof value !== 'object') return `${path} is ${typeof value}`;
  if (depth >= DEPTH_MAX) return `${path} is nested deeper than ${DEPTH_MAX} levels`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null)
    return `${path} is not a plain object`;
  for (const [name, inner] of Object.entries(value)) {
    const fault = explainValue(name, `a name in ${path}`, depth) ?? explainValue(inner, `${path}.${name}`, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}
