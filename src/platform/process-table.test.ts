import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { startTypescript } from '../../test/support/typescript-process.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { realClock } from './clock.ts';
import {
  findByEnvironment,
  groupOf,
  identify,
  identifyChild,
  isAlive,
  membersOfGroup,
  type ProcessIdentity,
  residentBytes,
  stopByEnvironment,
  stopGroup,
} from './process-table.ts';
import { randomId } from './ids.ts';
import { parseStat, procReader } from './proc-reader.ts';
import { parsePsLine, psReader } from './ps-reader.ts';

const started: ChildProcess[] = [];

function start(script: string, environment: Record<string, string> = {}): ChildProcess {
  const child = spawn('sh', ['-c', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'] ?? '', ...environment },
  });
  started.push(child);
  return child;
}

/** Waits for the program to say that it is ready, so that a trap is set before anybody sends a signal. */
async function startReady(script: string, environment?: Record<string, string>): Promise<ProcessIdentity> {
  const child = start(script, environment);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await waitUntil('the process to be ready', () => output.includes('ready'));
  return found(identify(child.pid ?? 0));
}

function found(id: ProcessIdentity | null): ProcessIdentity {
  if (id === null) throw new Error('the process is gone');
  return id;
}

afterEach(() => {
  for (const child of started.splice(0)) {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // it has ended already
    }
  }
});

describe('identity', () => {
  it('is the same for a running process each time and tells that it is alive', () => {
    const child = start('sleep 60');
    const id = found(identify(child.pid ?? 0));
    expect(identify(id.pid)).toEqual(id);
    expect(isAlive(id)).toBe(true);
  });

  it('is not alive when the pid was given to another process', () => {
    const child = start('sleep 60');
    const id = found(identify(child.pid ?? 0));
    expect(isAlive({ pid: id.pid, startedAt: `${id.startedAt}1` })).toBe(false);
  });

  it('differs between two processes started one after the other', async () => {
    const first = found(identify(start('sleep 60').pid ?? 0));
    // The kernel counts in hundredths of a second.
    const later = await waitUntil('another start time', () => {
      const id = found(identify(start('sleep 60').pid ?? 0));
      return id.startedAt === first.startedAt ? null : id;
    });
    expect(later.startedAt).not.toBe(first.startedAt);
  });

  const LAST_PID = '/proc/sys/kernel/ns_last_pid';
  const mayChoosePid = process.platform === 'linux' && process.getuid?.() === 0 && existsSync(LAST_PID);
  it.runIf(mayChoosePid)('is not taken for alive when the kernel really gives the pid away again', async () => {
    // Another program may take the pid first and keep it, so each try begins with a new process.
    const { id, heir } = await waitUntil('a process with the pid of one before', async () => {
      const child = start('exec sleep 60');
      const before = found(identify(child.pid ?? 0));
      child.kill('SIGKILL');
      await waitUntil('its end', () => child.signalCode !== null);
      writeFileSync(LAST_PID, String(before.pid - 1));
      const next = start('exec sleep 60');
      return next.pid === before.pid ? { id: before, heir: next } : null;
    });
    expect(found(identify(heir.pid ?? 0)).pid).toBe(id.pid);
    expect(isAlive(id)).toBe(false);
    expect(await stopGroup(id, 5, realClock)).toBe('was-gone');
    expect(identify(id.pid)).not.toBeNull();
  });

  it('is null for a pid that nobody has, and for what is no pid', () => {
    expect(identify(2 ** 30)).toBeNull();
    for (const pid of [0, -1, 1.5, Number.NaN]) expect(identify(pid)).toBeNull();
  });

  it.runIf(existsSync('/usr/bin/prlimit'))('cannot be told without a free file descriptor, and says so', async () => {
    const asking = startTypescript(
      `import { execFileSync } from 'node:child_process';
       import { openSync } from 'node:fs';
       import { identify, isAlive } from '@/src/platform/process-table.ts';
       const self = identify(process.pid);
       execFileSync('/usr/bin/prlimit', ['--pid', String(process.pid), '--nofile=64:64']);
       try { for (;;) openSync('/dev/null', 'r'); } catch { /* none is left */ }
       let said;
       try { said = String(isAlive(self)); } catch (error) { said = error.kind + ' ' + error.message; }
       process.stdout.write(said);`,
    );
    expect([await asking.ended, asking.stdout()]).toEqual([
      0,
      'cannot-tell the table of processes cannot be read (EMFILE)',
    ]);
  });

  it('cannot be told without ps where that is how one asks, and says so', () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nowhere';
    try {
      expect(() => psReader.read(process.pid)).toThrow('the table of processes cannot be read (ENOENT)');
    } finally {
      process.env['PATH'] = path;
    }
  });

  it.runIf(process.platform === 'linux')('counts a zombie as ended', async () => {
    // The shell becomes `sleep`, which never asks how its child ended.
    const parent = start('sh -c "exit 0" & exec sleep 60');
    const zombie = await waitUntil('the zombie', () =>
      procReader.list().find((entry) => entry.parentPid === parent.pid && entry.isZombie),
    );
    expect(identifyChild(zombie.pid)).not.toBeNull();
    expect(identify(zombie.pid)).toBeNull();
    expect(isAlive({ pid: zombie.pid, startedAt: zombie.startedAt })).toBe(false);
    expect(membersOfGroup(parent.pid ?? 0).map((id) => id.pid)).not.toContain(zombie.pid);
  });
});

describe('reading the table', () => {
  const fields = 'S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 2048 100';

  it.each(['sh', 'a b', 'tmux: server', ') S 1 1 (', '((()))', ''])('understands a process named "%s"', (name) => {
    expect(parseStat(`4711 (${name}) ${fields}`)).toMatchObject({
      pid: 4711,
      parentPid: 7,
      groupId: 42,
      isZombie: false,
    });
    expect(parseStat(`4711 (${name}) ${fields}`)?.startedAt).toMatch(/:98765$/);
  });

  it('reads nothing from half a line', () => {
    for (const text of ['', '4711', '4711 (sh', '4711 (sh) S 7', 'x (sh) S']) expect(parseStat(text)).toBeNull();
  });

  it('reads a line of ps as other systems print it', () => {
    expect(parsePsLine('  812     1   812 Ss     2048 Sat Nov 21 01:25:58 2026    ')).toEqual({
      pid: 812,
      parentPid: 1,
      groupId: 812,
      isZombie: false,
      residentBytes: 2_097_152,
      startedAt: 'Sat Nov 21 01:25:58 2026',
    });
    expect(parsePsLine('  812     1   812 Z+        0 Sat Nov  1 01:25:58 2026')?.isZombie).toBe(true);
    expect(parsePsLine('ps: illegal option')).toBeNull();
  });

  it('gets the same from ps as from /proc', async () => {
    const value = randomId();
    const id = await startReady('echo ready; exec sleep 60', { SHIPWAY_STEP: value });
    const entry = psReader.read(id.pid);
    expect(entry).toMatchObject({ pid: id.pid, groupId: id.pid, parentPid: process.pid, isZombie: false });
    expect(psReader.list().map((one) => one.pid)).toContain(id.pid);
    expect(psReader.environmentValue(id.pid, 'SHIPWAY_STEP')).toBe(value);
    expect(psReader.residentBytes(id.pid)).toBeGreaterThan(0);
  });
});

describe('findByEnvironment', () => {
  it('finds a process by its mark also when it left its group, and no other', async () => {
    const value = `shop/deploy/${randomId()}`;
    start(`setsid sh -c 'exec sleep 60' & exec sleep 60`, { SHIPWAY_STEP: value });
    start('sleep 60', { SHIPWAY_STEP: `${value}/other` });
    const marked = await waitUntil('marked processes in two groups', () => {
      const list = findByEnvironment('SHIPWAY_STEP', (seen) => seen === value);
      return new Set(list.map((one) => groupOf(one.identity.pid))).size === 2 ? list : null;
    });
    expect(new Set(marked.map((one) => one.value))).toEqual(new Set([value]));
    expect(await stopByEnvironment('SHIPWAY_STEP', (seen) => seen === value, 5, realClock)).toBe('ended-on-term');
    expect(marked.filter((one) => isAlive(one.identity))).toEqual([]);
    expect(findByEnvironment('SHIPWAY_STEP', (seen) => seen === `${value}/other`)).not.toEqual([]);
  });

  it('does not take the end of a longer name for the name', async () => {
    const value = randomId();
    await startReady('echo ready; exec sleep 60', { MY_SHIPWAY_STEP: value });
    expect(findByEnvironment('SHIPWAY_STEP', (seen) => seen === value)).toEqual([]);
  });
});

describe('stopGroup', () => {
  it('says so when nothing is left to stop', async () => {
    const child = start('exit 0');
    const id = found(identifyChild(child.pid ?? 0));
    await waitUntil('its end', () => child.exitCode !== null);
    expect(await stopGroup(id, 5, realClock)).toBe('was-gone');
  });

  it('ends parent, child and grandchild', async () => {
    const id = await startReady(`sh -c 'sh -c "sleep 60; :" & sleep 60' & echo ready; sleep 60`);
    await waitUntil('the whole family', () => membersOfGroup(id.pid).length >= 4);
    const members = membersOfGroup(id.pid);
    expect(await stopGroup(id, 5, realClock)).toBe('ended-on-term');
    expect(members.filter(isAlive)).toEqual([]);
  });

  it('kills what ignores SIGTERM', async () => {
    const id = await startReady(`trap '' TERM; echo ready; while :; do sleep 0.05; done`);
    expect(await stopGroup(id, 0.2, realClock)).toBe('killed-after-limit');
    expect(isAlive(id)).toBe(false);
  });

  it('gives the whole grace, and no more, whatever the wall clock is set to meanwhile', async () => {
    const id = await startReady(`trap 'sleep 0.3; exit 0' TERM; echo ready; while :; do sleep 0.05; done`);
    let day = 0;
    const forward = { ...realClock, nowMs: () => realClock.nowMs() + day++ * 86_400_000 };
    expect(await stopGroup(id, 10, forward)).toBe('ended-on-term');
    const stubborn = await startReady(`trap '' TERM; echo ready; while :; do sleep 0.05; done`);
    const back = { ...realClock, nowMs: () => realClock.nowMs() - day++ * 86_400_000 };
    expect(await stopGroup(stubborn, 0.2, back)).toBe('killed-after-limit');
  });

  it('ends a process that was stopped by SIGSTOP', async () => {
    const id = await startReady('echo ready; exec sleep 60');
    process.kill(id.pid, 'SIGSTOP');
    expect(await stopGroup(id, 5, realClock)).toBe('ended-on-term');
  });

  it('ends the members whose leader has died before', async () => {
    const id = await startReady('sleep 60 & echo ready; sleep 60');
    process.kill(id.pid, 'SIGKILL');
    await waitUntil('the end of the leader', () => !isAlive(id));
    expect(membersOfGroup(id.pid).length).toBeGreaterThan(0);
    expect(await stopGroup(id, 5, realClock)).toBe('ended-on-term');
    expect(membersOfGroup(id.pid)).toEqual([]);
  });

  it('leaves a process alone that only has the pid', async () => {
    const id = await startReady('echo ready; exec sleep 60');
    expect(await stopGroup({ pid: id.pid, startedAt: 'long ago' }, 5, realClock)).toBe('was-gone');
    expect(isAlive(id)).toBe(true);
  });

  it('does not touch the group of a process that does not lead it', async () => {
    const id = await startReady('sleep 61 & echo ready; sleep 60');
    const member = found(membersOfGroup(id.pid).find((one) => one.pid !== id.pid) ?? null);
    expect(await stopGroup(member, 5, realClock)).toBe('ended-on-term');
    expect(isAlive(id)).toBe(true);
  });

  it('ends a group that forks all the time', async () => {
    const id = await startReady(
      `trap '' TERM; echo ready; while :; do sh -c "trap '' TERM; sleep 3" & sleep 0.01; done`,
    );
    await waitUntil('some children', () => membersOfGroup(id.pid).length > 5);
    expect(await stopGroup(id, 0.2, realClock)).toBe('killed-after-limit');
    expect(membersOfGroup(id.pid)).toEqual([]);
  });
});

describe('residentBytes', () => {
  it('adds up the group and is null when it is gone', async () => {
    const id = await startReady('sleep 60 & echo ready; sleep 60');
    const bytes = residentBytes(id.pid);
    expect(bytes).toBeGreaterThan(100_000);
    await stopGroup(id, 5, realClock);
    expect(residentBytes(id.pid)).toBeNull();
  });
});
