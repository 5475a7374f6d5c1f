import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createProcessBench, fixture, type ProcessBench } from '../../../../test/support/process-bench.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { Effect } from '../../../platform/effect.ts';
import { HOME_MARK, homeMark } from '../../../platform/home-mark.ts';
import { identify } from '../../../platform/process-table.ts';

const benches: ProcessBench[] = [];
const children: ChildProcess[] = [];
const servers: Server[] = [];

function bench(command = fixture('healthy.mjs')): ProcessBench {
  const made = createProcessBench({ api: { command } });
  benches.push(made);
  return made;
}

/** A process that the target did not start, as its own group leader, with the given variables. */
function startStranger(env: Record<string, string>): number {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { env, detached: true });
  children.push(child);
  return child.pid ?? 0;
}

const markOf = (effect: Effect) => ({ [HOME_MARK]: homeMark(effect.stateDirectory) });
const isRunning = (pid: number | null | undefined) => identify(pid ?? 0) !== null;

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await once(child, 'exit');
  }
  for (const made of benches.splice(0)) await made.remove();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

describe('after a crash', () => {
  test('between record and start, the same port is used and one process starts', async () => {
    const { target, want, effect, readRecord, starts, applyAndDieAt } = bench();
    await applyAndDieAt('process.recorded', want('1.0.0', 'r1'));
    expect(await target.observe(effect())).toEqual([]);
    const { port } = readRecord('api', 'r1');
    expect(port).toEqual(expect.any(Number));
    const [instance] = await target.apply(want('1.0.0', 'r1'), effect('r1/deploy.apply/2'));
    expect(instance?.address?.port).toBe(port);
    expect(starts()).toHaveLength(1);
  });

  test('a remembered port that was taken meanwhile is replaced by another', async () => {
    const { target, want, effect, readRecord, applyAndDieAt } = bench();
    await applyAndDieAt('process.recorded', want('1.0.0', 'r1'));
    const { port } = readRecord('api', 'r1');
    const server = createServer((socket) => socket.destroy());
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(Number(port), '127.0.0.1', resolve));
    const [instance] = await target.apply(want('1.0.0', 'r1'), effect('r1/deploy.apply/2'));
    expect(instance?.address?.port).not.toBe((server.address() as AddressInfo).port);
    expect(instance?.state).toBe('running');
  });

  test('between start and record, the process is found by its marker and not started again', async () => {
    const { target, want, effect, readRecord, starts, applyAndDieAt } = bench();
    await applyAndDieAt('process.started', want('1.0.0', 'r1'));
    expect(readRecord('api', 'r1')).toMatchObject({ process: null });
    const [observed] = await target.observe(effect());
    expect(observed).toMatchObject({ state: 'starting', release: 'r1', version: '1.0.0' });
    const [applied] = await target.apply(want('1.0.0', 'r1'), effect('r1/deploy.apply/2'));
    expect(applied).toMatchObject({ pid: observed?.pid, state: 'running', address: observed?.address });
    expect(starts()).toHaveLength(1);
  });

  test('a process that ended by itself is observed as exited and started again by apply', async () => {
    const { target, want, effect } = bench();
    const [first] = await target.apply(want('1.0.0', 'r1'), effect());
    process.kill(first?.pid ?? 0, 'SIGKILL');
    await waitUntil('it to be gone', () => !isRunning(first?.pid));
    expect(await target.observe(effect())).toMatchObject([{ state: 'exited', pid: first?.pid }]);
    const [second] = await target.apply(want('1.0.0', 'r1'), effect());
    expect(second).toMatchObject({ state: 'running', address: first?.address });
    expect(second?.pid).not.toBe(first?.pid);
  });

  test('before the signal of a revert, the instance runs on and the next revert stops it', async () => {
    const { target, want, effect, revertAndDieAt } = bench();
    const applied = await target.apply(want('1.0.0', 'r1'), effect());
    await revertAndDieAt('process.stopping', want('1.0.0', 'r1'));
    expect(await target.observe(effect())).toEqual(applied);
    expect(await target.revert(want('1.0.0', 'r1'), effect())).toMatchObject([{ how: 'ended-on-term' }]);
    expect(await target.observe(effect())).toEqual([]);
  });

  test('between the end of the process and its record, the next revert only writes it down', async () => {
    const { target, want, effect, readRecord, revertAndDieAt } = bench();
    await target.apply(want('1.0.0', 'r1'), effect());
    await revertAndDieAt('process.stopped', want('1.0.0', 'r1'));
    expect(await target.observe(effect())).toMatchObject([{ state: 'exited' }]);
    expect(await target.revert(want('1.0.0', 'r1'), effect())).toMatchObject([{ how: 'was-gone' }]);
    expect(readRecord('api', 'r1')).toMatchObject({ state: 'stopped' });
    expect(await target.observe(effect())).toEqual([]);
  });

  test('a release that was stopped can be started again under its own id', async () => {
    const { target, want, effect } = bench();
    const first = await target.apply(want('1.0.0', 'r1'), effect());
    await target.stop(first, effect());
    const second = await target.apply(want('1.0.0', 'r1'), effect('r2/start-previous/1'));
    expect(second).toMatchObject([{ id: first[0]?.id, state: 'running' }]);
    expect(await target.observe(effect())).toEqual(second);
  });
});

describe('an instance that was started twice', () => {
  test('the process in the record is kept and the other is stopped', async () => {
    const { target, want, effect } = bench();
    const [first] = await target.apply(want('1.0.0', 'r1'), effect());
    const double = startStranger({ ...markOf(effect()), SHIPWAY_INSTANCE: first?.id ?? '', SHIPWAY_START: 'second' });
    await waitUntil('the double to run', () => isRunning(double));
    expect(await target.apply(want('1.0.0', 'r1'), effect())).toEqual([first]);
    expect(isRunning(double)).toBe(false);
    expect(isRunning(first?.pid)).toBe(true);
  });

  test('without a process in the record the older is kept and the other is stopped', async () => {
    const { target, want, effect, writeRecord } = bench();
    const [first] = await target.apply(want('1.0.0', 'r1'), effect());
    writeRecord('api', 'r1', { process: null, start: 'never-ran', state: 'starting' });
    const double = startStranger({ ...markOf(effect()), SHIPWAY_INSTANCE: first?.id ?? '', SHIPWAY_START: 'second' });
    await waitUntil('the double to run', () => isRunning(double));
    expect(await target.apply(want('1.0.0', 'r1'), effect())).toMatchObject([{ pid: first?.pid }]);
    expect(isRunning(double)).toBe(false);
  });

  test('stop ends both', async () => {
    const { target, want, effect } = bench();
    const instances = await target.apply(want('1.0.0', 'r1'), effect());
    const double = startStranger({
      ...markOf(effect()),
      SHIPWAY_INSTANCE: instances[0]?.id ?? '',
      SHIPWAY_START: 'second',
    });
    await waitUntil('the double to run', () => isRunning(double));
    await target.stop(instances, effect());
    expect([instances[0]?.pid, double].filter(isRunning)).toEqual([]);
  });
});

describe('what is not ours', () => {
  test('a process that has got the recorded pid is neither taken for the instance nor stopped', async () => {
    const { target, want, effect, writeRecord, starts } = bench();
    const [first] = await target.apply(want('1.0.0', 'r1'), effect());
    process.kill(first?.pid ?? 0, 'SIGKILL');
    await waitUntil('it to be gone', () => !isRunning(first?.pid));
    const stranger = startStranger({});
    const other = identify(stranger);
    writeRecord('api', 'r1', { process: { pid: stranger, startedAt: `${other?.startedAt}0` } });
    expect(await target.observe(effect())).toMatchObject([{ state: 'exited' }]);
    expect(await target.stop([first!], effect())).toMatchObject([{ how: 'was-gone' }]);
    await target.apply(want('1.0.0', 'r1'), effect());
    expect(isRunning(stranger)).toBe(true);
    expect(starts()).toHaveLength(2);
  });

  test('instances of another release stay when one is reverted', async () => {
    const { target, want, effect } = bench();
    const [old] = await target.apply(want('1.0.0', 'r1'), effect());
    await target.apply(want('1.1.0', 'r2', '1.0.0'), effect('r2/deploy.apply/1'));
    await target.revert(want('1.1.0', 'r2', '1.0.0'), effect('r2/deploy.apply/1'));
    expect(await target.observe(effect())).toEqual([old]);
  });

  test('an instance of another project with the very same id is neither adopted nor stopped', async () => {
    const { target, want, effect } = bench();
    const { service } = want('', '');
    const other = startStranger({
      [HOME_MARK]: homeMark('another project'),
      SHIPWAY_INSTANCE: `${service}_production_api_r1`,
      SHIPWAY_START: 's',
    });
    await waitUntil('it to run', () => isRunning(other));
    const [own] = await target.apply(want('1.0.0', 'r1'), effect());
    expect(own?.pid).not.toBe(other);
    await target.stop([own!], effect());
    expect(isRunning(other)).toBe(true);
  });

  test('a service whose name begins alike is not observed', async () => {
    const { target, effect, want } = bench();
    const double = startStranger({
      ...markOf(effect()),
      SHIPWAY_INSTANCE: `${want('', '').service}-x_production_api_r1`,
      SHIPWAY_START: 's',
    });
    await waitUntil('it to run', () => isRunning(double));
    expect(await target.observe(effect())).toEqual([]);
  });
});

describe('records', () => {
  test('an instance whose record was lost is seen and adopted with its version and port', async () => {
    const { target, want, effect, instanceDirectory, starts } = bench();
    const [first] = await target.apply(want('1.0.0', 'r1'), effect());
    rmSync(instanceDirectory('api', 'r1'), { recursive: true });
    const expected = { id: first?.id, pid: first?.pid, version: '1.0.0', address: first?.address };
    expect(await target.observe(effect())).toMatchObject([{ ...expected, state: 'starting' }]);
    expect(await target.apply(want('1.0.0', 'r1'), effect())).toMatchObject([{ ...expected, state: 'running' }]);
    expect(starts()).toHaveLength(1);
  });

  test('a damaged record is not guessed at', async () => {
    const { target, want, effect, instanceDirectory } = bench();
    await target.apply(want('1.0.0', 'r1'), effect());
    const file = join(instanceDirectory('api', 'r1'), 'instance.json');
    writeFileSync(file, '{"format": 1, "id": "cut o');
    await expect(target.observe(effect())).rejects.toMatchObject({ kind: 'cannot-tell', where: file });
  });

  test('an attempt that was overtaken by a later one may not write any more', async () => {
    const { target, want, effect } = bench();
    const [instance] = await target.apply(want('1.0.0', 'r1'), effect('r1/deploy.apply/2'));
    process.kill(instance?.pid ?? 0, 'SIGKILL');
    await waitUntil('it to be gone', () => !isRunning(instance?.pid));
    await expect(target.apply(want('1.0.0', 'r1'), effect('r1/deploy.apply/1'))).rejects.toMatchObject({
      kind: 'stale-worker',
      message: 'r1/deploy.apply/1 may not act any more: r1/deploy.apply/2 has taken over',
    });
  });

  test('the outputs of the last 50 stopped instances are kept, older ones are tidied away', async () => {
    const { target, want, effect, readRecord } = bench();
    const instances = await target.apply(want('1.0.0', 'r0'), effect());
    const { sweepStoppedInstances } = await import('./sweep-stopped-instances.ts');
    const { writeInstanceRecord } = await import('./instance-record.ts');
    const record = readRecord('api', 'r0') as Parameters<typeof writeInstanceRecord>[0];
    for (let number = 1; number <= 51; number++) {
      const id = record.id.replace(/r0$/, `r${number}`);
      const stoppedAt = new Date(number * 1000).toISOString();
      await writeInstanceRecord({ ...record, id, release: `r${number}`, state: 'stopped', stoppedAt }, effect());
    }
    await sweepStoppedInstances(want('', ''), effect());
    expect(() => readRecord('api', 'r1')).toThrow();
    expect(readRecord('api', 'r2')).toMatchObject({ state: 'stopped' });
    expect(await target.observe(effect())).toEqual(instances);
  });
});
