import { z } from 'zod';
import type { Json } from '../release/json.ts';
import {
  HTTP_VERBS,
  commandCheckWords,
  commonCheckWords,
  httpCheckWords,
  type HttpCheckWords,
  type CommandCheckWords,
} from './check-words.ts';
import type { ConfigPath } from './config-problem.ts';
import { expandCommandCheck, expandHttpCheck, type ExpandedCheck } from './expand-check.ts';
import { complain, readPart } from './forward-issues.ts';
import type { KindSchema } from './kinds.ts';
import type { NamedCheck } from './service-config.ts';
import { suggestionFor } from './suggest.ts';

export type CheckKinds = Record<string, KindSchema>;

/** A health page that needs longer is as good as down; a test suite of minutes is ordinary. */
const TIMEOUT_SECONDS: Record<string, number> = { http: 10, command: 300 };
const OTHER_TIMEOUT_SECONDS = 30;

interface Reading {
  kinds: CheckKinds;
  context: z.core.$RefinementCtx;
  /** Of the check, in what is being read. */
  path: ConfigPath;
}

/** The kinds that are written with their own name; `http` and `command` have short words. */
export function otherKinds(kinds: CheckKinds): string[] {
  return Object.keys(kinds).filter((kind) => kind !== 'http' && kind !== 'command');
}

/** The keys that say what a check measures. */
export function kindKeys(kinds: CheckKinds): string[] {
  return [...HTTP_VERBS, 'run', ...otherKinds(kinds)];
}

/** A check without its name; what is wrong goes to the context. */
export function readCheck(written: unknown, reading: Reading): Omit<NamedCheck, 'name'> | null {
  const { context, path } = reading;
  if (!isMap(written)) {
    complain(context, {
      path,
      message: 'says nothing to measure\nWrite { get: URL } or { run: [program, argument] }.',
    });
    return null;
  }
  const keys = kindKeys(reading.kinds);
  const [chosen, second] = keys.filter((key) => Object.hasOwn(written, key));
  if (second !== undefined) {
    const message = `is a second thing to measure, beside ${chosen}\nWrite two checks, each with its own name.`;
    complain(context, { path: [...path, second], at: 'key', message });
    return null;
  }
  if (chosen !== undefined) return readKind(written, chosen, reading);
  refuseWithoutKind(Object.keys(written), keys, reading);
  return null;
}

function refuseWithoutKind(written: string[], keys: string[], { context, path }: Reading): void {
  const others = [...Object.keys(httpCheckWords.shape), ...Object.keys(commandCheckWords.shape)];
  const strange = written.filter((key) => !others.includes(key));
  for (const key of strange) {
    const message = `is not a known kind of check\n${suggestionFor(key, keys, 'Known kinds')}`;
    complain(context, { path: [...path, key], at: 'key', message });
  }
  if (strange.length > 0) return;
  complain(context, { path, at: 'key', message: `says nothing to measure\nAdd one of: ${keys.join(', ')}.` });
}

type Words = { tries: number; every: number; timeout?: number | undefined };

function readKind(written: Record<string, unknown>, key: string, reading: Reading): Omit<NamedCheck, 'name'> | null {
  const form = formFor(key);
  const words = readPart(reading.context, form, written, (at) => [...reading.path, ...at]);
  const sound = words ?? soundPart(form, written, key);
  if (sound === undefined) return null;
  const { kind, settings: expanded, written: placed } = expand(key, sound);
  const known = Object.hasOwn(reading.kinds, kind) ? reading.kinds[kind] : undefined;
  if (known === undefined) {
    const kinds = Object.keys(reading.kinds).join(', ');
    complain(reading.context, {
      path: reading.path,
      message: `needs checks of kind ${kind}, which are not there\nUse one of: ${kinds}.`,
    });
    return null;
  }
  const settings = readPart(reading.context, known.settings, expanded, (at) => [...reading.path, ...placed(at)]);
  if (settings === undefined || words === undefined) return null;
  return { kind, settings: settings as Json, ...timing(kind, words) };
}

function formFor(key: string): z.ZodType<Words> {
  if (key === 'run') return commandCheckWords;
  if ((HTTP_VERBS as readonly string[]).includes(key)) return httpCheckWords;
  return z.strictObject({ [key]: z.unknown(), ...commonCheckWords }) as unknown as z.ZodType<Words>;
}

function expand(key: string, words: Words): ExpandedCheck & { kind: string } {
  if (key === 'run') return { kind: 'command', ...expandCommandCheck(words as CommandCheckWords) };
  if ((HTTP_VERBS as readonly string[]).includes(key))
    return { kind: 'http', ...expandHttpCheck(words as HttpCheckWords) };
  const settings = (words as unknown as Record<string, unknown>)[key];
  return { kind: key, settings: settings as ExpandedCheck['settings'], written: (at) => [key, ...at] };
}

/** The check without what was complained about, so that its settings are judged in the same go; undefined when nothing is left of it. */
function soundPart(form: z.ZodType<Words>, written: Record<string, unknown>, key: string): Words | undefined {
  const rest = structuredClone(written);
  for (const issue of form.safeParse(written).error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys') for (const strange of issue.keys) remove(rest, [...issue.path, strange]);
    else remove(rest, issue.path);
  }
  return Object.hasOwn(rest, key) ? form.safeParse(rest).data : undefined;
}

function remove(from: Record<string, unknown>, path: PropertyKey[]): void {
  let parent: unknown = from;
  for (const part of path.slice(0, -1)) parent = isMap(parent) ? parent[String(part)] : undefined;
  const last = path.at(-1);
  if (isMap(parent) && last !== undefined) delete parent[String(last)];
}

function timing(kind: string, words: Words): Pick<NamedCheck, 'tries' | 'everySeconds' | 'timeoutSeconds'> {
  const timeoutSeconds = words.timeout ?? TIMEOUT_SECONDS[kind] ?? OTHER_TIMEOUT_SECONDS;
  return { tries: words.tries, everySeconds: words.every, timeoutSeconds };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
