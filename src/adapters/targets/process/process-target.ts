import { totalmem } from 'node:os';
import type { Json } from '../../../core/release/json.ts';
import { bindVariables } from '../../../core/release/bind-variables.ts';
import { problem } from '../../../core/release/problem.ts';
import type { Instance } from '../../../core/release/version.ts';
import type { Effect } from '../../../platform/effect.ts';
import { groupOf, residentBytes } from '../../../platform/process-table.ts';
import { readLastLines } from '../../../platform/read-tail.ts';
import type { StopReport, Target, Want } from '../target.ts';
import { boundOutputs } from './bound-outputs.ts';
import { instancePrefix, listInstanceRecords, outputFile, type InstanceScope } from './instance-record.ts';
import { observeInstances } from './observe-instances.ts';
import type { ProcessComponent, ProcessSettings } from './settings.ts';
import { ensureInstance } from './start-instance.ts';
import { stopInstance } from './stop-instance.ts';
import { sweepStoppedInstances } from './sweep-stopped-instances.ts';

const STOP_WITHIN_SECONDS = 10; // for a component that is no longer in the release file; the default of the setting
const LINES_MAX = 10_000;

/** Runs components as programs on this machine, which outlive shipway and are found again by pid, start time and a marker. */
export function openProcessTarget(checkedSettings: Json, scope: InstanceScope): Target {
  const { components } = checkedSettings as unknown as ProcessSettings;
  const graceOf = (name: string) =>
    components.find((component) => component.name === name)?.stopWithinSeconds ?? STOP_WITHIN_SECONDS;

  const stopEach = (instances: StoppedOne[], effect: Effect) => stopAllOf(instances, graceOf, scope, effect);

  return {
    kind: 'process',
    placement: 'side-by-side',
    repeatable: true, // an instance is found again by its id, so nothing is started twice
    observe: async (effect) => {
      const instances = await observeInstances(scope, components, effect);
      boundOutputs(instances, effect);
      return instances;
    },
    commandsFor: (want) => ({
      apply: components.map(({ command }) => command.map((text) => bindVariables(text, { VERSION: want.version }))),
      revert: [], // signals, no command lines
    }),
    async apply(want, effect) {
      refuseOthers(scope, want);
      const instances: Instance[] = [];
      for (const component of components) instances.push(await ensureInstance(component, want, effect));
      return instances;
    },
    async revert(want, effect) {
      refuseOthers(scope, want);
      return stopEach(await instancesOfRelease(want, components, effect), effect);
    },
    async stop(instances, effect) {
      for (const { id } of instances) refuseStrangers(scope, id);
      return stopEach(instances, effect);
    },
    async logs(instance, lines, effect) {
      refuseStrangers(scope, instance.id);
      return readLastLines(outputFile(instance.id, effect), Math.min(lines, LINES_MAX));
    },
    memoryShare: async (instances) =>
      Object.fromEntries(instances.map((instance) => [instance.id, memoryShareOf(instance, components)])),
  };
}

type StoppedOne = Pick<Instance, 'id' | 'component'>;

/** Stops one after the other; throws the first failure after all were tried. */
async function stopAllOf(
  instances: StoppedOne[],
  graceOf: (component: string) => number,
  scope: InstanceScope,
  effect: Effect,
): Promise<StopReport[]> {
  const reports: StopReport[] = [];
  const failures: unknown[] = [];
  for (const { id, component } of instances) {
    effect.signal.throwIfAborted();
    try {
      const report = await stopInstance(id, graceOf(component), effect);
      effect.report(`${component}: stopped ${id} (${report.how.replaceAll('-', ' ')})`);
      reports.push(report);
    } catch (error) {
      failures.push(error); // one that does not end must not keep the others running
    }
  }
  if (failures.length > 0) throw failures[0];
  await sweepStoppedInstances(scope, effect);
  return reports;
}

/** What the release started, newest first; also what is only recorded, because a crash may have come before it was seen. */
async function instancesOfRelease(want: Want, components: ProcessComponent[], effect: Effect): Promise<StoppedOne[]> {
  const observed = await observeInstances(want, components, effect);
  const records = await listInstanceRecords(want, effect);
  const ofRelease = [...observed, ...records].filter((one) => one.release === want.release);
  return [...new Map(ofRelease.map((one) => [one.id, one])).values()].toReversed();
}

/** Resident memory of the process group against the limit of its component, or against the memory of the machine. */
function memoryShareOf(instance: Instance, components: ProcessComponent[]): number | null {
  if (instance.pid === null || instance.state === 'exited') return null;
  const group = groupOf(instance.pid);
  const bytes = group === null ? null : residentBytes(group);
  const limit = components.find(({ name }) => name === instance.component)?.memoryLimitBytes ?? totalmem();
  return bytes === null ? null : bytes / limit;
}

function refuseOthers(scope: InstanceScope, want: Want): void {
  if (want.service === scope.service && want.environment === scope.environment) return;
  throw problem(
    'refused',
    `the target of ${scope.service} ${scope.environment} was asked for ${want.service} ${want.environment}`,
    {
      next: 'Report this: it is a fault in shipway.',
    },
  );
}

// The id names a folder and the processes to stop, so nothing that could lead elsewhere gets through.
function refuseStrangers(scope: InstanceScope, id: string): void {
  if (id.startsWith(instancePrefix(scope)) && /^[\w.+-]+$/.test(id)) return;
  throw problem('refused', `instance ${id} does not belong to ${scope.service} ${scope.environment}`, {
    next: 'Name an instance that `shipway status` lists.',
  });
}
