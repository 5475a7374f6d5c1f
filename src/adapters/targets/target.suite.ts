import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testEffect, type TestEffect } from '../../../test/support/test-effect.ts';
import { realClock, scaledClock } from '../../platform/clock.ts';
import { findByEnvironment, stopByEnvironment } from '../../platform/process-table.ts';
import { randomId } from '../../platform/ids.ts';
import { componentsOf } from './components-of.ts';
import { targetKinds } from './index.ts';
import type { Target, Want } from './target.ts';

/** What an implementation says about itself, so that the contract can be tried on it. */
export interface TargetCase {
  kind: keyof typeof targetKinds;
  /** As in a release file; `$VERSION` stands for the version, `$TOKEN` for a secret the components get in their environment. */
  settings(projectDirectory: string): { [key: string]: unknown };
  /** How often a version was really started or deployed, counted by the target's own side. */
  countEffects(projectDirectory: string, version: string): number;
}

export const SECRET = 'sentinel-Zq8$wRk2';
const CHILD = resolve('test/fixtures/targets/act-on-target.mjs');
const CRASHES = 20;
const SPEED = 5; // of the clock in crash tests, so that a component without port is not watched for a second each time

interface Bench {
  directory: string;
  target: Target;
  want: (version: string, release: string, previousVersion?: string | null) => Want;
  effect: (token?: string) => TestEffect;
  components: string[];
  settings: unknown;
}

function makeBench(one: TargetCase): Bench {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-target-')));
  const scope = { service: `svc-${randomId()}`, environment: 'production' };
  const written = one.settings(directory);
  const checked = targetKinds[one.kind].settings.parse(written) as Parameters<typeof componentsOf>[0];
  return {
    directory,
    target: targetKinds[one.kind].open(checked, scope),
    want: (version, release, previousVersion = null) => ({ ...scope, version, release, previousVersion }),
    effect: (token) => testEffect(directory, { variables: { TOKEN: SECRET }, ...(token ? { token } : {}) }),
    components: componentsOf(checked).map((component) => component.name),
    settings: written,
  };
}

async function clean(bench: Bench): Promise<void> {
  const ours = (id: string) => id.startsWith(`${bench.want('', '').service}_`);
  await stopByEnvironment('SHIPWAY_INSTANCE', ours, 0, realClock);
  rmSync(bench.directory, { recursive: true, force: true });
}

function snapshot(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((path) => `${path}\n${readFileSync(path, 'utf8')}`);
}

/** The promises of `target.ts`, tried on one implementation. */
export function describeTarget(one: TargetCase): void {
  describe(`the contract of targets, kept by ${one.kind}`, () => {
    let bench: Bench;
    beforeEach(() => {
      bench = makeBench(one);
    });
    afterEach(() => clean(bench));
    describeLife(one, () => bench);
    describeCrashes(one, () => bench);
  });
}

function describeLife(one: TargetCase, bench: () => Bench): void {
  test('before the first release nothing is observed', async () => {
    expect(await bench().target.observe(bench().effect())).toEqual([]);
  });

  test('the commands of a plan hold the version, no secret, and nothing is run or written for them', () => {
    const commands = JSON.stringify(bench().target.commandsFor(bench().want('1.2.3', 'r1', '1.2.2')));
    expect(commands).toContain('1.2.3');
    expect(commands).not.toContain(SECRET);
    expect(snapshot(bench().directory)).toEqual([]);
  });

  test('apply brings every component up, and observe tells the same', async () => {
    const { target, effect, want, components } = bench();
    const applied = await target.apply(want('1.0.0', 'r1'), effect());
    expect(applied.map(({ component, version, release, state }) => ({ component, version, release, state }))).toEqual(
      components.map((component) => ({ component, version: '1.0.0', release: 'r1', state: 'running' })),
    );
    const observed = await target.observe(effect());
    expect(observed.toSorted(byId)).toEqual(applied.toSorted(byId));
  });

  test('applying twice has the effect once', async () => {
    const { target, effect, want, directory } = bench();
    const first = await target.apply(want('1.0.0', 'r1'), effect('r1/deploy.apply/1'));
    const second = await target.apply(want('1.0.0', 'r1'), effect('r1/deploy.apply/2'));
    expect(second).toEqual(first);
    expect(one.countEffects(directory, '1.0.0')).toBe(1);
  });

  test('looking changes nothing on disk and starts nothing', async () => {
    const { target, effect, want, directory } = bench();
    await target.apply(want('1.0.0', 'r1'), effect());
    const before = snapshot(join(directory, '.shipway'));
    await target.observe(effect());
    expect(snapshot(join(directory, '.shipway'))).toEqual(before);
    expect(one.countEffects(directory, '1.0.0')).toBe(1);
  });

  test('the same version can be released again by another release', async () => {
    const { target, effect, want, directory } = bench();
    await target.apply(want('1.0.0', 'r1'), effect());
    const again = await target.apply(want('1.0.0', 'r2', '1.0.0'), effect('r2/deploy.apply/1'));
    expect(new Set(again.map((instance) => instance.release))).toEqual(new Set(['r2']));
    expect(one.countEffects(directory, '1.0.0')).toBe(2);
  });

  test('revert leaves the version before running, under its own release, and is harmless twice', async () => {
    const { target, effect, want, components } = bench();
    await target.apply(want('1.0.0', 'r1'), effect());
    await target.apply(want('1.1.0', 'r2', '1.0.0'), effect('r2/deploy.apply/1'));
    await target.revert(want('1.1.0', 'r2', '1.0.0'), effect('r2/deploy.apply/1'));
    const second = await target.revert(want('1.1.0', 'r2', '1.0.0'), effect('r2/deploy.apply/2'));
    expect(second.every((report) => report.how === 'was-gone')).toBe(true);
    const observed = await target.observe(effect());
    expect(observed.map(({ component, version, release, state }) => ({ component, version, release, state }))).toEqual(
      components.map((component) => ({ component, version: '1.0.0', release: 'r1', state: 'running' })),
    );
  });

  test('stopping twice is harmless, and the second report says that it was gone', async () => {
    const { target, effect, want } = bench();
    const instances = await target.apply(want('1.0.0', 'r1'), effect());
    await target.stop(instances, effect());
    const reports = await target.stop(instances, effect());
    expect(reports.map(({ instance, how }) => ({ instance, how }))).toEqual(
      instances.map(({ id }) => ({ instance: id, how: 'was-gone' })),
    );
  });

  test('an aborted effect does not begin anything', async () => {
    const { target, effect, want, directory } = bench();
    const aborted = effect();
    aborted.abort();
    await expect(target.apply(want('1.0.0', 'r1'), aborted)).rejects.toThrow();
    expect(one.countEffects(directory, '1.0.0')).toBe(0);
    expect(await target.observe(effect())).toEqual([]);
  });

  test('every instance has a memory share between 0 and 1, or null where it cannot be measured', async () => {
    const { target, effect, want } = bench();
    const instances = await target.apply(want('1.0.0', 'r1'), effect());
    const shares = await target.memoryShare(instances, effect());
    expect(Object.keys(shares).toSorted()).toEqual(instances.map(({ id }) => id).toSorted());
    for (const share of Object.values(shares)) expect(share === null || (share > 0 && share < 1)).toBe(true);
  });

  test('the secret that the components get is in no report, log, record or command', async () => {
    const { target, effect, want, directory } = bench();
    const watched = effect();
    const instances = await target.apply(want('1.0.0', 'r1'), watched);
    const logs = await Promise.all(instances.map((instance) => target.logs(instance, 100, watched)));
    const records = snapshot(join(directory, '.shipway')).filter((text) => !text.includes('output.log\n'));
    expect(JSON.stringify([watched.reported, logs, records])).not.toContain(SECRET);
    expect(findArguments(SECRET)).toEqual([]);
  });
}

function describeCrashes(one: TargetCase, bench: () => Bench): void {
  test(`killed with SIGKILL at ${CRASHES} random moments of apply, observe and apply end with one instance per component`, async () => {
    const { target, effect, want, components } = bench();
    const fullMs = await runToEnd(one, bench(), want('0.9.0', 'r0'));
    await target.revert(want('0.9.0', 'r0'), effect('r0/deploy.apply/1')).catch(() => undefined);
    for (let round = 1; round <= CRASHES; round++) {
      const wanted = want(`1.0.${round}`, `r${round}`, round === 1 ? '0.9.0' : `1.0.${round - 1}`);
      await killDuring(one, bench(), wanted, Math.random() * fullMs);
      await endLeftovers(wanted);
      const repaired = { ...effect(crashToken(wanted, 2)), clock: scaledClock(Date.now(), SPEED) };
      await target.observe(repaired);
      const applied = await target.apply(wanted, repaired);
      const observed = (await target.observe(repaired)).filter((instance) => instance.release === wanted.release);
      expect(observed.map((instance) => instance.id).toSorted()).toEqual(applied.map(({ id }) => id).toSorted());
      expect(applied.map((instance) => instance.component)).toEqual(components);
      expect(markedPids(wanted)).toEqual(observed.flatMap(({ pid }) => pid ?? []).toSorted(byNumber));
    }
  }, 180_000);
}

/** Runs apply in a process of its own; how long the act took, in ms. */
async function runToEnd(one: TargetCase, bench: Bench, want: Want): Promise<number> {
  const child = startAct(one, bench, want);
  await once(child.stdout, 'data');
  const startedMs = performance.now();
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
  return performance.now() - startedMs;
}

async function killDuring(one: TargetCase, bench: Bench, want: Want, afterMs: number): Promise<void> {
  const child = startAct(one, bench, want);
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  await pause(afterMs); // the moment of a crash is the one thing here that cannot wait for a condition
  child.kill('SIGKILL');
  await ended;
}

function startAct(one: TargetCase, bench: Bench, want: Want) {
  const request = {
    kind: one.kind,
    settings: bench.settings,
    want,
    act: 'apply',
    token: crashToken(want, 1),
    speed: SPEED,
    projectDirectory: bench.directory,
  };
  const environment = { PATH: process.env['PATH'], TOKEN: SECRET };
  return spawn(process.execPath, [CHILD, JSON.stringify(request)], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Unlike in other tests that run meanwhile, because leftovers are found by it on the whole machine. */
function crashToken(want: Want, attempt: number): string {
  return `${want.release}/deploy.apply.${want.service}/${attempt}`;
}

/** What the engine does before a step is tried again: ends the commands that the dead attempt left running. */
async function endLeftovers(want: Want): Promise<void> {
  await stopByEnvironment('SHIPWAY_STEP', (token) => token === crashToken(want, 1), 1, realClock);
}

function markedPids(want: Want): number[] {
  const ofRelease = (id: string) => id.startsWith(`${want.service}_`) && id.endsWith(`_${want.release}`);
  return findByEnvironment('SHIPWAY_INSTANCE', ofRelease)
    .map((found) => found.identity.pid)
    .toSorted(byNumber);
}

function findArguments(text: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => commandLineOf(pid)).filter((line) => line.includes(text));
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}

const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);
const byNumber = (a: number, b: number) => a - b;
