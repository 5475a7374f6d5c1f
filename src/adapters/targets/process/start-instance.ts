import type { Instance } from '../../../core/release/version.ts';
import { isProblem, problem } from '../../../core/release/problem.ts';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, exists } from '../../../platform/files.ts';
import { HOME_MARK, homeMark } from '../../../platform/home-mark.ts';
import { gap } from '../../../platform/gap.ts';
import { randomId } from '../../../platform/ids.ts';
import { chooseFreePort, isPortFree } from '../../../platform/ports.ts';
import type { ProcessIdentity } from '../../../platform/process-table.ts';
import { resolveCommand } from '../../../platform/resolve-command.ts';
import { startDetached } from '../../../platform/run-command.ts';
import type { Want } from '../target.ts';
import { findInstance, findMarked, isSameProcess } from './find-processes.ts';
import {
  instanceDirectory,
  instanceId,
  outputFile,
  readInstanceRecord,
  writeInstanceRecord,
  type InstanceRecord,
} from './instance-record.ts';
import { HOST, instanceOf } from './instance-of.ts';
import { recordFromProcess } from './record-from-process.ts';
import type { ProcessComponent } from './settings.ts';
import { stopLeftovers } from './stop-instance.ts';
import { endedTooEarly, waitUntilUp } from './wait-until-up.ts';

/** How often a component is started when another program takes its port between the choice and the start. */
const PORT_TRIES = 3;

/** Makes sure that exactly one process of the component runs for the release, and returns it once it is up. */
export async function ensureInstance(component: ProcessComponent, want: Want, effect: Effect): Promise<Instance> {
  const id = instanceId(want, component.name, want.release);
  let record = await adopt(id, component, want, effect);
  await stopLeftovers(id, component.stopWithinSeconds, effect);
  if (record?.state === 'running') return instanceOf(record, 'running');
  for (let tries = 1; ; tries++) {
    const started = record ?? (await start(id, component, want, effect));
    const outcome = await waitUntilUp(started, component, effect);
    if (outcome === 'up') {
      effect.signal.throwIfAborted();
      return instanceOf(await writeInstanceRecord({ ...started, state: 'running' }, effect), 'running');
    }
    await stopLeftovers(id, component.stopWithinSeconds, effect);
    const isPortLost = component.port === 'auto' && started.port !== null && !(await isPortFree(HOST, started.port));
    if (!isPortLost || tries === PORT_TRIES) throw await endedTooEarly(started, component, effect);
    effect.report(`${component.name}: port ${started.port} was taken by another program; starting with another port`);
    record = null;
  }
}

/** The record of the process that runs already, repaired after a crash between start and record; null when none runs. */
async function adopt(
  id: string,
  component: ProcessComponent,
  want: Want,
  effect: Effect,
): Promise<InstanceRecord | null> {
  const record = await readInstanceRecord(id, effect);
  const { leader } = findInstance(
    record,
    findMarked(effect.stateDirectory, (value) => value === id),
  );
  if (leader === null) return null;
  const known = record ?? recordFromProcess(id, leader, want, [component]) ?? blankRecord(id, component, want);
  if (record !== null && isSameProcess(known.process, leader.identity) && known.state !== 'stopped') return known;
  return writeInstanceRecord(
    {
      ...known,
      start: leader.start ?? known.start,
      state: 'starting',
      process: leader.identity,
      startedAt: known.startedAt ?? timestamp(effect.clock.nowMs()),
      stoppedAt: null,
    },
    effect,
  );
}

async function start(id: string, component: ProcessComponent, want: Want, effect: Effect): Promise<InstanceRecord> {
  effect.signal.throwIfAborted();
  const before = await readInstanceRecord(id, effect);
  const port = await choosePort(component, before?.port ?? null);
  // Written before the start: whoever comes after a crash knows which port and which start to look for.
  const intended = await writeInstanceRecord({ ...blankRecord(id, component, want), port }, effect);
  await gap('process.recorded');
  effect.signal.throwIfAborted();
  const process = await launch(intended, component, effect);
  await gap('process.started');
  const startedAt = timestamp(effect.clock.nowMs());
  const record = await writeInstanceRecord({ ...intended, process, startedAt }, effect);
  effect.report(`${component.name}: started ${want.version} as process ${process.pid}${port ? `, port ${port}` : ''}`);
  return record;
}

async function launch(record: InstanceRecord, component: ProcessComponent, effect: Effect): Promise<ProcessIdentity> {
  const where = `component ${component.name}`;
  const bindings: Record<string, string> = { VERSION: record.version, HOST };
  if (record.port !== null) bindings['PORT'] = String(record.port);
  const command = resolveCommand(
    { argv: component.command, directory: component.directory, env: component.env },
    bindings,
    effect,
  );
  if (!exists(command.cwd)) {
    throw problem('target-failed', `${component.name} ${record.version} cannot start: ${command.cwd} does not exist`, {
      where,
      next: `Put version ${record.version} there, or correct "directory".`,
    });
  }
  await ensureDirectory(instanceDirectory(record.id, effect));
  const environment: Record<string, string> = {
    ...command.environment,
    ...bindings,
    SHIPWAY_INSTANCE: record.id,
    SHIPWAY_RELEASE: record.release,
    SHIPWAY_START: record.start,
    [HOME_MARK]: homeMark(effect.stateDirectory),
  };
  // The marker of a step would make a later executor end the instance as a left-over of that step.
  delete environment['SHIPWAY_STEP'];
  try {
    return await startDetached({
      argv: command.argv,
      cwd: command.cwd,
      environment,
      outputFile: outputFile(record.id, effect),
    });
  } catch (error) {
    if (!isProblem(error)) throw error;
    throw problem('target-failed', `${component.name} ${record.version} cannot start: ${error.message}`, {
      where,
      next: error.next,
      cause: error,
    });
  }
}

async function choosePort(component: ProcessComponent, remembered: number | null): Promise<number | null> {
  if (component.port === 'none') return null;
  if (component.port === 'auto') {
    if (remembered !== null && (await isPortFree(HOST, remembered))) return remembered;
    return chooseFreePort(HOST);
  }
  if (await isPortFree(HOST, component.port)) return component.port;
  throw problem('target-failed', `${component.name} cannot start: port ${component.port} is taken by another program`, {
    where: `component ${component.name}`,
    next: `Write "port: auto", so that two versions can run side by side, or stop what listens there (ss -ltnp 'sport = :${component.port}').`,
  });
}

function blankRecord(id: string, component: ProcessComponent, want: Want): InstanceRecord {
  return {
    format: 1,
    id,
    service: want.service,
    environment: want.environment,
    component: component.name,
    version: want.version,
    release: want.release,
    port: typeof component.port === 'number' ? component.port : null,
    start: randomId(),
    token: '',
    state: 'starting',
    process: null,
    startedAt: null,
    stoppedAt: null,
  };
}
