import { resolve } from 'node:path';
import type { Chosen, ScratchConfig } from '../core/config/service-config.ts';
import type { Plan } from '../core/plan/plan.ts';
import { scratchPrefix } from '../core/rehearsal/scratch-variable.ts';
import { bindVariables } from '../core/release/bind-variables.ts';
import type { Json, JsonObject } from '../core/release/json.ts';
import { isProblem, problem, type Problem } from '../core/release/problem.ts';
import type { Effect } from '../platform/effect.ts';

const STOP_WITHIN_SECONDS = 10; // the default of the process target

/** A component as it is started on a copy. */
export interface ScratchComponent {
  name: string;
  command: string[];
  directory: string;
  /** Of a release, without what leads it to the copies. */
  ownEnv: Record<string, string>;
  /** With it. */
  env: Record<string, string>;
  /** The rest of its settings, as the process target has them. */
  rest: JsonObject;
}

/** What is started: the components of a process target, or the one program that the file names. Throws where there is neither. */
export function scratchComponents(target: Chosen, scratch: ScratchConfig): ScratchComponent[] {
  const { env, start } = scratch;
  if (start !== null) {
    const { command, directory, startWithinSeconds } = start;
    const rest = { port: 'auto', health: null, startWithinSeconds, stopWithinSeconds: STOP_WITHIN_SECONDS };
    return [{ name: 'service', command, directory, ownEnv: env, env, rest: { ...rest, memoryLimitBytes: null } }];
  }
  const declared = target.kind === 'process' ? componentsIn(target.settings) : [];
  const wanted = declared.filter(({ name }) => scratch.components === null || scratch.components.includes(name));
  if (wanted.length > 0) return wanted.map((one) => ({ ...one, env: { ...one.ownEnv, ...env } }));
  throw problem('refused', `the target of kind ${target.kind} starts nothing beside what runs`, {
    where: 'scratch',
    next: 'Write the program that is the version: scratch: { start: { command: [node, server.mjs], directory: releases/$VERSION } }',
  });
}

/** The same as a process target, each component on a port that is free. */
export function scratchTarget(components: readonly ScratchComponent[]): Chosen {
  const settings = components.map(({ name, command, directory, env, rest }) => {
    return { ...rest, name, command, directory, env, port: rest['port'] === 'none' ? 'none' : 'auto' };
  });
  return { kind: 'process', settings: { components: settings } };
}

function componentsIn(settings: Json): Omit<ScratchComponent, 'env'>[] {
  const list = isObject(settings) && Array.isArray(settings['components']) ? settings['components'] : [];
  return list.filter(isObject).map(({ name, command, directory, env, ...rest }) => ({
    name: typeof name === 'string' ? name : '',
    command: Array.isArray(command) ? command.filter(isText) : [],
    directory: isText(directory) ? directory : '.',
    ownEnv: Object.fromEntries(
      Object.entries(isObject(env) ? env : {}).filter((entry): entry is [string, string] => isText(entry[1])),
    ),
    rest,
  }));
}

const isText = (value: unknown): value is string => typeof value === 'string';

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Throws unless each of the stores is told to a component by a variable, and that variable leads to the copy. A program that finds its
 * data by itself would find the live data.
 */
export function requireLed(
  components: readonly ScratchComponent[],
  stores: readonly string[],
  { environment, scratch }: { environment: string; scratch: ScratchConfig },
): void {
  const where = `environments.${environment}.scratch`;
  for (const store of stores) {
    const prefix = scratchPrefix(store);
    // The copy of `orders` is not that of `orders-db`.
    const copy = new RegExp(`\\$\\{?${prefix}(?:URL|DATABASE|PATH)(?!\\w)`);
    const names = Object.entries(scratch.env).flatMap(([name, text]) => (copy.test(text) ? [name] : []));
    if (names.length === 0) {
      throw problem('refused', `nothing leads the version to the copy of "${store}", so it would open the live data`, {
        where: `${where}.env`,
        next: `Name the variable by which it finds it, e.g. DATABASE_URL: $${prefix}URL (PostgreSQL, Redis) or DATABASE_PATH: $${prefix}PATH; or write without: [${store}] if it never opens it.`,
      });
    }
    if (names.some((name) => components.some((component) => isTold(component, name)))) continue;
    const all = components.map(({ name }) => name).join(', ');
    throw problem(
      'refused',
      `no component (${all}) is given ${names.join(' or ')} in a release, so that whatever it opens is not told by a variable: it may be the live data`,
      {
        where: `${where}.env`,
        next: `Let the program read ${names[0]}, and give it in a release too: target: process: components: ${components[0]?.name ?? ''}: env: { ${names[0]}: … }.`,
      },
    );
  }
}

function isTold({ ownEnv, command, directory }: ScratchComponent, variable: string): boolean {
  if (Object.hasOwn(ownEnv, variable)) return true;
  const reference = new RegExp(`\\$(?:${variable}\\b|\\{${variable}\\})`);
  return [...Object.values(ownEnv), ...command, directory].some((text) => reference.test(text));
}

/** Where the live data is, as a program may be told. */
export interface LivePlace {
  store: string;
  /** An address, or an absolute path. */
  text: string;
}

const PLACE_KEYS = ['url', 'path', 'paths', 'directory'];

/** Of every store of the plan, by the words of its settings. */
export function livePlaces(plan: Plan, effect: Effect): LivePlace[] {
  return plan.stores.flatMap(({ name, settings }) =>
    Object.entries(isObject(settings) ? settings : {})
      .filter(([key]) => PLACE_KEYS.includes(key))
      .flatMap(([, value]) => (Array.isArray(value) ? value : [value]))
      .filter(isText)
      .flatMap((text) => {
        const resolved = resolvedOrNull(text, effect);
        if (resolved === null) return [];
        const isAddress = /^[a-z][a-z0-9+.-]*:\/\//i.test(resolved);
        return [{ store: name, text: isAddress ? resolved : resolve(effect.projectDirectory, resolved) }];
      }),
  );
}

function resolvedOrNull(text: string, effect: Effect): string | null {
  try {
    return effect.resolve(text);
  } catch (error) {
    if (isProblem(error) && error.kind === 'variable-missing') return null;
    throw error;
  }
}

/** Throws when anything that a component is told still leads to the live data, or to the service that runs. `effect` is the one it would be started with. */
export function requireAway(
  components: readonly ScratchComponent[],
  { live, router, version }: { live: readonly LivePlace[]; router: string | null; version: string },
  effect: Effect,
): void {
  const read = (text: string): string =>
    effect.resolve(bindVariables(text, { VERSION: version, HOST: '127.0.0.1', PORT: '0' }));
  for (const { name, command, directory, env } of components) {
    const cwd = resolve(effect.projectDirectory, read(directory));
    const told = [
      ...Object.entries(env).map(([key, text]) => ({ what: key, text: read(text), mayHold: true })),
      ...command.map((text) => ({ what: `the argument ${text}`, text: read(text), mayHold: false })),
    ];
    for (const { what, text, mayHold } of told) {
      const place = live.find((one) => leadsTo(text, one.text, { cwd, mayHold }));
      if (place !== undefined) throw stillLive(name, what, `the live data of "${place.store}"`);
      if (router !== null && text.includes(router)) throw stillLive(name, what, 'the service that runs');
    }
  }
}

function stillLive(component: string, what: string, where: string): Problem {
  return problem('refused', `${component} would be led to ${where} by ${what}`, {
    where: 'scratch.env',
    next: `Write what ${what} is on a copy under scratch: env.`,
  });
}

/** Whether the text is the place, lies in it, or (of a variable) is a folder that holds it. */
function leadsTo(text: string, place: string, { cwd, mayHold }: { cwd: string; mayHold: boolean }): boolean {
  if (text === '') return false;
  if (!place.startsWith('/')) return holds(text, place) || isSameAddress(text, place);
  const path = resolve(cwd, text.replace(/^(?:file|sqlite):(?:\/\/)?/, ''));
  if (path === place || path.startsWith(`${place}/`) || holds(text, place)) return true;
  return mayHold && text.includes('/') && place.startsWith(`${path}/`);
}

/** Whether the place is part of the text, and not the beginning of another name. */
function holds(text: string, place: string): boolean {
  const plain = place.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  return new RegExp(`${plain}(?![\\w.-])`).test(text);
}

/** The same database of the same server, whatever user or settings are written with it. */
function isSameAddress(a: string, b: string): boolean {
  if (!URL.canParse(a) || !URL.canParse(b)) return false;
  const [one, other] = [new URL(a), new URL(b)];
  if (one.host === '' && one.pathname === '') return false;
  // A store is all databases of its Redis server, whatever number is written behind it.
  if ([one, other].every(({ protocol }) => /^rediss?:$/.test(protocol))) return redisServer(one) === redisServer(other);
  return one.host === other.host && one.pathname === other.pathname && one.search === other.search;
}

const redisServer = ({ hostname, port }: URL): string => `${hostname}:${port === '' ? '6379' : port}`;
