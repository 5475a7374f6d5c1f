import type { z } from 'zod';
import type { Json } from '../release/json.ts';
import type { ConfigPath } from './config-problem.ts';
import type { KnownIssue } from './forward-issues.ts';
import { knownKeys } from './known-keys.ts';
import { isSecretPath, nodeKey, valueAt, type Remark, type Source } from './source.ts';
import { suggest, suggestionFor } from './suggest.ts';

interface Reading {
  source: Source;
  schema: z.ZodType;
}

// Keys that people write with good reason and that mean something else here.
const MISTAKEN_KEYS: Record<string, string> = {
  version: 'The version is not part of the file: write it on the command line, `shipway release 1.10.0`.',
  '<<': 'Merge keys are not read: repeat the keys, or use an alias (*name) for the whole value.',
};

/** What zod found in a file, in the words of the release file. */
export function remarksOfIssues(issues: readonly KnownIssue[], reading: Reading): Remark[] {
  const remarks = issues.flatMap((issue) => remarksOfIssue(issue, reading));
  // "servce" is unknown and "service" is missing: one slip, one complaint.
  const meant = new Set(remarks.flatMap(({ path, fix }) => suggestedPath(path, fix)));
  return remarks
    .filter(({ path }) => valueAt(reading.source.root, path) !== undefined || !meant.has(nodeKey(path)))
    .map((one) => (one.path.length === 0 ? { ...one, message: `the file ${one.message}` } : one));
}

function suggestedPath(path: ConfigPath, fix: string): string[] {
  const word = /^Did you mean "(.+)"\?$/.exec(fix)?.[1];
  return word === undefined ? [] : [nodeKey([...path.slice(0, -1), word])];
}

function remarksOfIssue(issue: KnownIssue, reading: Reading): Remark[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  const { source } = reading;
  if (issue.code === 'unrecognized_keys') {
    const known = issue.known ?? knownKeys(reading.schema, path);
    return issue.keys.map((key) => unknownKey([...path, key], key, known));
  }
  if (issue.code === 'invalid_key') return [twoLines(issue.issues[0]?.message ?? '', { path, at: 'key', found: null })];
  if (issue.code === 'invalid_union' && hasDefaultText(issue.message)) return remarksOfUnion(issue, path, reading);
  if (!hasDefaultText(issue.message)) return [twoLines(issue.message, { path, ...hints(issue) })];
  if (valueAt(source.root, path) === undefined) return [missing(path)];
  if (issue.code === 'invalid_type') return [wrongType(path, issue.expected, source)];
  if (issue.code === 'invalid_value') return [wrongWord(path, issue.values.map(String), source)];
  return [outsideLimits(issue, path)];
}

function hints(issue: KnownIssue): Pick<Remark, 'at' | 'offset'> {
  const params = (issue.code === 'custom' ? issue.params : undefined) as Pick<Remark, 'at' | 'offset'> | undefined;
  return {
    ...(params?.at === undefined ? {} : { at: params.at }),
    ...(params?.offset === undefined ? {} : { offset: params.offset }),
  };
}

/** zod's own texts name its types; ours name what to write. Texts of a schema are kept. */
function hasDefaultText(message: string): boolean {
  return /^(Invalid|Too (small|big)|Unrecognized)\b/.test(message);
}

function twoLines(text: string, remark: Omit<Remark, 'message' | 'fix'>): Remark {
  const [message = '', fix = 'Correct the value; the reference of the release file shows what is allowed.'] =
    text.split('\n');
  return { ...remark, message: message === '' ? 'is not allowed' : message, fix };
}

function unknownKey(path: ConfigPath, key: string, known: readonly string[]): Remark {
  const mistaken = Object.hasOwn(MISTAKEN_KEYS, key) ? MISTAKEN_KEYS[key] : undefined;
  return {
    path,
    message: 'is not a known key',
    at: 'key',
    found: null,
    fix: mistaken ?? suggestionFor(key, known, 'Known here'),
  };
}

function missing(path: ConfigPath): Remark {
  return { path, message: 'is missing', found: null, fix: `Add the key "${String(path.at(-1) ?? '')}" here.` };
}

function wrongType(path: ConfigPath, expected: string, source: Source): Remark {
  const value = valueAt(source.root, path);
  const wanted = WANTED[expected] ?? { name: expected, fix: 'Correct the value.' };
  if (value === null) return { path, message: `is empty where ${wanted.name} is expected`, fix: wanted.fix };
  if (expected === 'string' && value !== undefined && typeof value !== 'object') return unquoted(path, source, value);
  if (expected === 'array' && typeof value === 'string') {
    const shown = isSecretPath(path) || /[,[\]{}#:"']/.test(value) || value.length > 60 ? '…' : value;
    return { path, message: 'is one text where a list is expected', fix: `Write a list: [${shown}].` };
  }
  return { path, message: `is ${nameOf(value)} where ${wanted.name} is expected`, fix: wanted.fix };
}

const WANTED: Record<string, { name: string; fix: string }> = {
  object: { name: 'a map', fix: 'Write "key: value" lines below it, without dashes.' },
  record: { name: 'a map', fix: 'Write "key: value" lines below it, without dashes.' },
  array: { name: 'a list', fix: 'Write [one, two], or a line with a dash for each.' },
  string: { name: 'a text', fix: 'Write a text.' },
  number: { name: 'a number', fix: 'Write a number in digits, without quotes.' },
  int: { name: 'a whole number', fix: 'Write a whole number in digits, without quotes.' },
  boolean: { name: 'true or false', fix: 'Write true or false, without quotes.' },
};

function unquoted(path: ConfigPath, source: Source, value: number | boolean | string): Remark {
  const written = source.nodes.get(nodeKey(path))?.written ?? String(value);
  const shown = isSecretPath(path) ? '…' : written;
  const isOther = shown !== '…' && shown !== String(value);
  const what = isOther ? `is read as the ${typeof value} ${value}` : `is a ${typeof value}`;
  return {
    path,
    message: `${what} where a text is expected`,
    fix: `Put it in quotes: "${shown}".`,
  };
}

function nameOf(value: Json | undefined): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'number') return 'a number';
  if (typeof value === 'boolean') return 'true or false';
  return 'a map';
}

function wrongWord(path: ConfigPath, words: string[], source: Source): Remark {
  const value = valueAt(source.root, path);
  const message = words.length === 1 ? `can only be ${words[0]}` : 'is not one of the known words';
  return { path, message, fix: suggestionFor(typeof value === 'string' ? value : '', words, 'Write one of') };
}

function outsideLimits(issue: KnownIssue, path: ConfigPath): Remark {
  if (issue.code === 'too_small' || issue.code === 'too_big') {
    const limit = issue.code === 'too_small' ? issue.minimum : issue.maximum;
    const side = issue.code === 'too_small' ? 'at least' : 'at most';
    if (issue.origin === 'string')
      return {
        path,
        message: `is too ${issue.code === 'too_small' ? 'short' : 'long'}`,
        fix: `Write ${side} ${limit} characters.`,
      };
    if (issue.origin === 'array')
      return {
        path,
        message: `has too ${issue.code === 'too_small' ? 'few' : 'many'} items`,
        fix: `Write ${side} ${limit}.`,
      };
    return {
      path,
      message: `is too ${issue.code === 'too_small' ? 'small' : 'large'}`,
      fix: `Write ${side} ${limit}.`,
    };
  }
  return {
    path,
    message: 'is not allowed',
    fix: 'Correct the value; the reference of the release file shows what is allowed.',
  };
}

/** Of several forms, only the one that was probably meant is complained about: the one of the type that was written. */
function remarksOfUnion(
  issue: KnownIssue & { code: 'invalid_union' },
  path: (string | number)[],
  reading: Reading,
): Remark[] {
  const value = valueAt(reading.source.root, path);
  if (value === undefined) return [missing(path)];
  const isOfOtherForm = (one: z.core.$ZodIssue): boolean =>
    one.path.length === 0 && (one.code === 'invalid_type' || one.code === 'invalid_value');
  const closest = issue.errors.filter((option) => !option.some(isOfOtherForm)).toSorted((a, b) => a.length - b.length);
  const best = closest[0];
  if (best !== undefined) {
    return best.flatMap((one) => remarksOfIssue({ ...one, path: [...path, ...one.path] } as KnownIssue, reading));
  }
  const roots = issue.errors.flat().filter(isOfOtherForm);
  const words = roots.flatMap((one) => (one.code === 'invalid_value' ? one.values.map(String) : []));
  const forms = roots.flatMap((one) =>
    one.code === 'invalid_type' ? [WANTED[one.expected]?.name ?? one.expected] : [],
  );
  const near = typeof value === 'string' ? suggest(value, words) : null;
  const fix = near === null ? `Write one of: ${[...words, ...new Set(forms)].join(', ')}.` : `Did you mean "${near}"?`;
  return [{ path, message: 'is not one of the forms that are read here', fix }];
}
