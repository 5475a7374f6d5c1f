import { join, resolve } from 'node:path';
import type { Target } from '../adapters/targets/target.ts';
import type { NamedCheck, ScratchConfig } from '../core/config/service-config.ts';
import type { Plan } from '../core/plan/plan.ts';
import { bindVariables } from '../core/release/bind-variables.ts';
import type { Outcome } from '../core/release/outcome.ts';
import { isProblem, problem, type Problem } from '../core/release/problem.ts';
import type { Instance } from '../core/release/version.ts';
import type { Adapters } from '../engine/steps/step-tools.ts';
import type { Effect } from '../platform/effect.ts';
import { exists } from '../platform/files.ts';
import { realPathOf } from '../platform/file-tree.ts';
import { gap } from '../platform/gap.ts';
import { HOME_MARK, homeMark } from '../platform/home-mark.ts';
import { openFilesOf } from '../platform/open-files.ts';
import { pointedEffect, pointedSettings } from './point-at-scratch.ts';
import {
  livePlaces,
  requireAway,
  requireLed,
  scratchComponents,
  scratchTarget,
  type LivePlace,
  type ScratchComponent,
} from './scratch-program.ts';
import { smokeChecks } from './smoke-checks.ts';

/** A version to be started on copies of its data. */
export interface VersionOnCopies {
  adapters: Adapters;
  /** Of the environment, with the target that started the version. */
  plan: Plan;
  scratch: ScratchConfig;
  /** Of the environment. */
  verify: readonly NamedCheck[];
  version: string;
  /** Names of the stores whose copies it is led to. */
  stores: readonly string[];
  /** Of the copies. */
  variables: Record<string, string>;
  /** Gets all that the run leaves. */
  folder: string;
  id: string;
  /** Of the live environment. */
  effect: Effect;
}

/** What a version on copies came to. */
export interface VersionVerdict {
  outcome: 'pass' | 'fail' | 'could-not-measure';
  /** The first thing that is wrong, or what it answered. */
  sentence: string;
  checked: string[];
  notChecked: string[];
}

const EVERY_MS = 250; // as the health check of a release asks
const LINES_SHOWN = 5; // they nearly always hold the reason
const HOST = '127.0.0.1';

interface Run extends VersionOnCopies {
  components: ScratchComponent[];
  target: Target;
  live: LivePlace[];
  /** Leads to the copies. */
  led: Effect;
}

/** Refuses a version that nothing leads away from the live data, before anything is restored for it. */
export function requireLedAway(order: Pick<VersionOnCopies, 'plan' | 'scratch' | 'stores' | 'verify'>): void {
  const { plan, scratch, stores, verify } = order;
  const components = scratchComponents(plan.target, scratch);
  requireLed(components, stores, { environment: plan.environment, scratch });
  smokeChecks(verify, scratch, plan.environment);
}

/** Starts the version beside everything, led to the copies, asks it what the environment asks, and ends it. Whatever comes of it is returned. */
export async function askVersion(order: VersionOnCopies): Promise<VersionVerdict> {
  try {
    requireLedAway(order);
    return await ask(await openRun(order));
  } catch (error) {
    order.effect.signal.throwIfAborted();
    if (!isProblem(error)) throw error;
    return unmeasured(error);
  }
}

/** What kept us from looking, with what to write. */
export function unmeasured({ message, where, next }: Problem): VersionVerdict {
  const sentence = `${message}${where === null ? '' : ` (${where})`}. ${next}`;
  return { outcome: 'could-not-measure', sentence, checked: [], notChecked: [] };
}

async function openRun(order: VersionOnCopies): Promise<Run> {
  const { adapters, plan, scratch, variables, effect, folder, id, version } = order;
  const components = scratchComponents(plan.target, scratch);
  const led = {
    ...pointedEffect({ ...effect, token: `rehearsal/${id}/start` }, scratch.env, variables),
    // A home of its own: neither the releases of the project nor its status see what is started here.
    stateDirectory: folder,
  };
  const live = await withRealPaths(livePlaces(plan, effect));
  requireAway(components, { live, router: listenOf(plan), version }, led);
  const target = adapters.target({ ...plan, target: scratchTarget(components), router: null });
  return { ...order, components, target, live, led };
}

/** Open files are told by where they really lie. */
async function withRealPaths(places: readonly LivePlace[]): Promise<LivePlace[]> {
  const real = places.map(async ({ store, text }) => ({
    store,
    text: text.startsWith('/') ? await realPathOf(text) : text,
  }));
  return [...places, ...(await Promise.all(real))];
}

function listenOf({ router }: Plan): string | null {
  const settings = router?.settings;
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) return null;
  const { listen } = settings;
  return typeof listen === 'string' ? listen : null;
}

async function ask(run: Run): Promise<VersionVerdict> {
  const { target, plan, version, id, led } = run;
  requireFiles(run);
  const want = { service: plan.service, environment: plan.environment, version, previousVersion: null };
  try {
    const instances = await started(run, () => target.apply({ ...want, release: `scratch-${id}` }, led));
    if (!Array.isArray(instances)) return instances;
    await gap('scratch.started');
    requireNothingLive(run);
    const verdict = await askAll(run, instances);
    requireNothingLive(run);
    return verdict;
  } finally {
    const over = { ...led, signal: new AbortController().signal };
    await target.stop(await target.observe(over), over);
  }
}

/** A version whose files are gone says nothing about the copy. */
function requireFiles({ components, led, version }: Run): void {
  for (const { name, directory } of components) {
    const folder = resolve(led.projectDirectory, led.resolve(bindVariables(directory, { VERSION: version, HOST })));
    if (exists(folder)) continue;
    throw problem('refused', `${name} ${version} is not there any more: ${folder} does not exist`, {
      where: 'scratch',
      next: `Put version ${version} there, or correct "directory".`,
    });
  }
}

/** The instances, or that the version does not come up on the copies. */
async function started(run: Run, start: () => Promise<Instance[]>): Promise<Instance[] | VersionVerdict> {
  try {
    return await start();
  } catch (error) {
    if (!isProblem(error) || error.kind !== 'target-failed') throw error;
    requireNothingLive(run);
    return { outcome: 'fail', sentence: error.message, checked: [], notChecked: [] };
  }
}

/** A program that finds its data by itself has found the live data: ended at once, and told. */
function requireNothingLive({ folder, live, led }: Run): void {
  const open = openFilesOf(HOME_MARK, homeMark(folder));
  const copies = join(folder, 'data');
  for (const { store, text } of live) {
    const found = open.find((file) => (file === text || file.startsWith(`${text}/`)) && !file.startsWith(copies));
    if (found === undefined) continue;
    led.report(`the version on the copy has LIVE data open: ${found}`);
    throw problem(
      'refused',
      `started on the copy, the version opened the LIVE data of "${store}" (${found}); it was ended`,
      {
        where: 'scratch.env',
        next: 'Let the program read the place of its data from a variable, and lead that to the copy.',
      },
    );
  }
}

async function askAll(run: Run, instances: readonly Instance[]): Promise<VersionVerdict> {
  const { adapters, plan, scratch, verify, components, version, led } = run;
  const checked = [`${version} was started on it`];
  for (const { name, health, startWithinSeconds } of adapters.components({
    ...plan,
    target: scratchTarget(components),
  })) {
    const instance = instances.find((one) => one.component === name);
    if (health === null || instance === undefined || instance.address === null) continue;
    const check = {
      ...health,
      name: `health of ${name}`,
      tries: triesWithin(startWithinSeconds),
      everySeconds: EVERY_MS / 1000,
    };
    const verdict = await askOne(run, check, instance, instances);
    if (typeof verdict !== 'string') return verdict;
    checked.push(verdict);
  }
  const { checks, notAsked } = smokeChecks(verify, scratch, plan.environment);
  const front = frontOf(run, instances);
  for (const check of checks) {
    const verdict = await askOne(run, pointedSettings(check, scratch.env), front, instances);
    if (typeof verdict !== 'string') return verdict;
    checked.push(verdict);
  }
  led.report(checked.join('; '));
  return { outcome: 'pass', sentence: checked.join('; '), checked, notChecked: notAsked };
}

const triesWithin = (seconds: number): number => Math.max(1, Math.ceil((seconds * 1000) / EVERY_MS));

/** Where the checks are sent: the component that the router leads to, else the first that listens. */
function frontOf({ adapters, plan }: Run, instances: readonly Instance[]): Instance | null {
  const routed = adapters.routedComponent(plan);
  const listening = instances.filter((one) => one.address !== null);
  return listening.find((one) => one.component === routed) ?? listening[0] ?? null;
}

/** What it answered, or the verdict that this brings about. */
async function askOne(
  run: Run,
  check: NamedCheck,
  instance: Instance | null,
  instances: readonly Instance[],
): Promise<string | VersionVerdict> {
  const { adapters, plan, version, id, led } = run;
  const place = instance?.address ?? null;
  const subject = {
    VERSION: version,
    PREVIOUS_VERSION: '',
    COMMIT: '',
    RELEASE: `scratch-${id}`,
    SERVICE: plan.service,
    ENVIRONMENT: plan.environment,
    ...(place === null
      ? {}
      : { HOST: place.host, PORT: String(place.port), BASE: `http://${place.host}:${place.port}` }),
  };
  const { outcome, sentence } = await adapters.runCheck(check, subject, led);
  led.signal.throwIfAborted();
  if (outcome === 'pass') return `${check.name}: ${sentence}`;
  const said = `${check.name}: ${sentence}${await lastWords(run, instances)}`;
  return { outcome: verdictOf(outcome), sentence: said, checked: [], notChecked: [] };
}

function verdictOf(outcome: Exclude<Outcome, 'pass'>): VersionVerdict['outcome'] {
  return outcome === 'fail' ? 'fail' : 'could-not-measure';
}

/** Everything it wrote goes with the copy, so the end of it is told. */
async function lastWords({ target, led }: Run, instances: readonly Instance[]): Promise<string> {
  const lines = await Promise.all(instances.map((one) => target.logs(one, LINES_SHOWN, led)));
  const last = lines.flat();
  return last.length === 0 ? '' : `; its last output:\n${last.map((line) => `  ${line}`).join('\n')}`;
}
