import { isSecretName } from '../release/secret-name.ts';
import type { Json } from '../release/json.ts';
import { formatPath, type ConfigPath, type ConfigProblem } from './config-problem.ts';

/** From 1, as editors count. */
export interface Place {
  line: number;
  column: number;
}

/** Where one value of the file stands, and how it was written. */
export interface SourceNode {
  key: Place | null;
  value: Place | null;
  /** The text of a scalar exactly as in the file, with quotes; null for maps and lists. */
  written: string | null;
}

/** A release file as plain values, with the place of each. */
export interface Source {
  file: string;
  root: Json;
  nodes: Map<string, SourceNode>;
}

export interface Remark {
  path: ConfigPath;
  message: string;
  fix: string;
  /** Whether to point at the key or at the value; a missing value is looked for at its parent. */
  at?: 'key' | 'value';
  /** Where it is, when it belongs to no path. */
  place?: Place;
  /** Characters into a text, where only a part of it is wrong. */
  offset?: number;
  /** What was found, when it is not the value itself; null to show nothing. */
  found?: string | null;
}

const SHOWN_MAX = 60;
/** A long value must not make a long message; a whole secret is recognised within it. */
const MESSAGE_MAX = 1000;
const MASK = '***';
// Texts that carry a secret beside a telling word, whatever key they stand under.
const AGE_IDENTITY = /AGE-SECRET-KEY-[0-9A-Z]*/gi;
const SECRET_IN_TEXT =
  /((?:bearer|basic)\s+|(?:password|passwd|token|secret|api[-_]?key)\s*[=:]\s*)(?!\$)[^\s'",\]]+/gi;
// The length of a scheme is limited, because an unlimited one takes quadratic time on a long word.
const PASSWORD_IN_URL = /([a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]*:)[^\s@/]+@/gi;

export function nodeKey(path: ConfigPath): string {
  return path.join('\u0000');
}

/** The value at a path, or undefined; never a property of the prototype. */
export function valueAt(root: Json | undefined, path: ConfigPath): Json | undefined {
  let value = root;
  for (const part of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, part)) return undefined;
    value = (value as { [key: string]: Json })[part];
  }
  return value;
}

/** Whether what stands under these keys must not be shown. */
export function isSecretPath(path: ConfigPath): boolean {
  if (path[0] === 'variables') return false; // names of variables, not their values
  return path.some(
    (part) =>
      typeof part === 'string' &&
      (isSecretName(part.replaceAll('-', '_')) || /^((proxy-)?authorization|(set-)?cookie)$/i.test(part)),
  );
}

/** A value as it may be shown in a message: as written, shortened, secrets masked; null for maps, lists and what is not there. */
export function showValue(source: Source, path: ConfigPath): string | null {
  const value = valueAt(source.root, path);
  if (value === undefined || value === null || typeof value === 'object') return null;
  if (isSecretPath(path)) return MASK;
  const written = source.nodes.get(nodeKey(path))?.written;
  const text = typeof value === 'string' ? JSON.stringify(value) : (written ?? String(value));
  return shorten(maskText(text));
}

/** The text with what looks like a secret masked; what is longer than a message can be is cut off. */
export function maskText(text: string): string {
  return text
    .slice(0, MESSAGE_MAX)
    .replace(PASSWORD_IN_URL, `$1${MASK}@`)
    .replace(SECRET_IN_TEXT, `$1${MASK}`)
    .replace(AGE_IDENTITY, MASK);
}

function shorten(text: string): string {
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX - 1)}…`;
}

/** The remark with its place in the file. */
export function locate(source: Source, remark: Remark): ConfigProblem {
  const place = remark.place ?? placeOf(source, remark);
  return {
    file: source.file,
    line: place?.line ?? null,
    column: place?.column ?? null,
    path: formatPath(remark.path),
    message: withoutSecret(source, remark.path, remark.message),
    value: remark.found === undefined ? showValue(source, remark.path) : remark.found,
    fix: withoutSecret(source, remark.path, remark.fix),
  };
}

/** Schemas of adapters may repeat the value in their message. */
function withoutSecret(source: Source, path: ConfigPath, text: string): string {
  const value = valueAt(source.root, path);
  const isShown = value === undefined || value === null || typeof value === 'object' || !isSecretPath(path);
  return maskText(isShown || value === '' ? text : text.replaceAll(String(value), MASK));
}

function placeOf(source: Source, remark: Remark): Place | null {
  const own = source.nodes.get(nodeKey(remark.path));
  if (own !== undefined) {
    const place = remark.at === 'key' ? (own.key ?? own.value) : (own.value ?? own.key);
    if (place === null || remark.offset === undefined || own.written === null) return place;
    return { line: place.line, column: place.column + columnsInto(own.written, remark.offset) };
  }
  for (let length = remark.path.length - 1; length >= 0; length--) {
    const parent = source.nodes.get(nodeKey(remark.path.slice(0, length)));
    if (parent !== undefined) return parent.key ?? parent.value;
  }
  return null;
}

/** Columns from the start of a written text to an offset of its value; 0 where escapes or line breaks make them differ. */
function columnsInto(written: string, offset: number): number {
  if (/[\n\\]/.test(written) || /^[|>]/.test(written)) return 0;
  if (written.startsWith("'")) return written.slice(1, -1).includes("'") ? 0 : offset + 1;
  return written.startsWith('"') ? offset + 1 : offset;
}
