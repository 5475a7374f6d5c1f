import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { targetKinds } from '../../src/adapters/targets/index.ts';
import type { Target, Want } from '../../src/adapters/targets/target.ts';
import type { Json } from '../../src/core/release/json.ts';
import { instanceId } from '../../src/adapters/targets/process/instance-record.ts';
import { realClock } from '../../src/platform/clock.ts';
import { randomId } from '../../src/platform/ids.ts';
import { stopByEnvironment } from '../../src/platform/process-table.ts';
import { testEffect, type TestEffect } from './test-effect.ts';

const SERVICES = resolve('test/fixtures/services');
const CHILD = resolve('test/fixtures/targets/act-on-target.mjs');

/** A component as a release file declares it, running one of the fixture services. */
export type WrittenComponent = { [key: string]: unknown };

/** The process target in a folder of its own, with everything the tests look at. */
export interface ProcessBench {
  directory: string;
  target: Target;
  want: (version: string, release: string, previousVersion?: string | null) => Want;
  effect: (token?: string) => TestEffect;
  instanceDirectory: (component: string, release: string) => string;
  readRecord: (component: string, release: string) => { [key: string]: unknown };
  writeRecord: (component: string, release: string, changes: { [key: string]: unknown }) => void;
  /** Lines the fixtures wrote when they started: event, instance, pid. */
  starts: () => { event: string; instance: string; pid: number }[];
  /** Applies, or reverts, in a process of its own that dies by SIGKILL at the named gap. */
  applyAndDieAt: (gapName: string, want: Want) => Promise<void>;
  revertAndDieAt: (gapName: string, want: Want) => Promise<void>;
  remove: () => Promise<void>;
}

/** `command` of a component that runs a fixture service. */
export function fixture(name: string, ...args: string[]): string[] {
  return [process.execPath, join(SERVICES, name), ...args];
}

export function createProcessBench(components: { [name: string]: WrittenComponent }): ProcessBench {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-process-')));
  const scope = { service: `svc-${randomId()}`, environment: 'production' };
  const recorder = join(directory, 'starts.txt');
  const withRecorder = Object.entries(components).map(([name, component]) => {
    const env = { RECORDER: recorder, ...(component['env'] as Record<string, string> | undefined) };
    return [name, { ...component, env }];
  });
  const settings = { components: Object.fromEntries(withRecorder) as { [name: string]: unknown } };
  const checked = targetKinds.process.settings.parse(settings) as Json;
  const folder = (component: string, release: string) =>
    join(directory, '.shipway', 'instances', instanceId(scope, component, release));
  const readRecord = (component: string, release: string) =>
    JSON.parse(readFileSync(join(folder(component, release), 'instance.json'), 'utf8')) as { [key: string]: unknown };
  return {
    directory,
    target: targetKinds.process.open(checked, scope),
    want: (version, release, previousVersion = null) => ({ ...scope, version, release, previousVersion }),
    effect: (token) => testEffect(directory, token === undefined ? {} : { token }),
    instanceDirectory: folder,
    readRecord,
    writeRecord(component, release, changes) {
      const record = { ...readRecord(component, release), ...changes };
      writeFileSync(join(folder(component, release), 'instance.json'), JSON.stringify(record));
    },
    starts: () => (existsSync(recorder) ? parseStarts(readFileSync(recorder, 'utf8')) : []),
    applyAndDieAt: (gapName, want) => actAndDie({ act: 'apply', settings, want, projectDirectory: directory }, gapName),
    revertAndDieAt: (gapName, want) =>
      actAndDie({ act: 'revert', settings, want, projectDirectory: directory }, gapName),
    async remove() {
      await stopByEnvironment('SHIPWAY_INSTANCE', (id) => id.startsWith(`${scope.service}_`), 0, realClock);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function parseStarts(text: string): { event: string; instance: string; pid: number }[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [event = '', instance = '', pid = ''] = line.split(' ');
    return { event, instance, pid: Number(pid) };
  });
}

interface Act {
  act: 'apply' | 'revert';
  settings: unknown;
  want: Want;
  projectDirectory: string;
}

async function actAndDie(act: Act, gapName: string): Promise<void> {
  const gaps = join(act.projectDirectory, `gaps-${randomId()}`);
  mkdirSync(gaps);
  writeFileSync(join(gaps, 'at'), JSON.stringify([gapName]));
  writeFileSync(join(gaps, 'do'), 'kill');
  const request = { kind: 'process', speed: 1, token: `${act.want.release}/deploy.apply/1`, ...act };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(request)], {
    env: { ...process.env, SHIPWAY_GAPS: gaps },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`${act.act} did not die at ${gapName}`);
}
