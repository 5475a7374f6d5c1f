import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  createProcessBench,
  fixture,
  type ProcessBench,
  type WrittenComponent,
} from '../../../../test/support/process-bench.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { realClock } from '../../../platform/clock.ts';
import { identify } from '../../../platform/process-table.ts';
import { registerSecret } from '../../../platform/redact.ts';

const benches: ProcessBench[] = [];
const servers: Server[] = [];

function bench(components: { [name: string]: WrittenComponent }): ProcessBench {
  const made = createProcessBench(components);
  benches.push(made);
  return made;
}

async function occupy(port = 0): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

afterEach(async () => {
  for (const made of benches.splice(0)) await made.remove();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

describe('a version that cannot start', () => {
  test('a program that ends at once is reported with its exit code and its last words', async () => {
    const { target, want, effect } = bench({ api: { command: fixture('exits-at-once.mjs') } });
    await expect(target.apply(want('1.2.0', 'r1'), effect())).rejects.toMatchObject({
      kind: 'target-failed',
      message: 'api 1.2.0 ended right after its start (exit code 3); its last output:\n  cannot read the configuration',
      where: 'component api',
    });
  });

  test('a component without port that ends at once is noticed too', async () => {
    const { target, want, effect } = bench({
      worker: { command: fixture('exits-at-once.mjs'), port: 'none', env: { EXIT_CODE: '9' } },
    });
    await expect(target.apply(want('1.2.0', 'r1'), effect())).rejects.toThrow(
      'worker 1.2.0 ended right after its start (exit code 9)',
    );
  });

  test('only the last 20 lines are shown, and secrets in them are masked', async () => {
    registerSecret('TOKEN', 'sentinel-kT7!pLm9');
    const text = `${Array.from({ length: 30 }, (_, index) => `line ${index}`).join('\n')}\nkey sentinel-kT7!pLm9`;
    const { target, want, effect } = bench({ api: { command: fixture('exits-at-once.mjs'), env: { MESSAGE: text } } });
    const error = await target.apply(want('1.2.0', 'r1'), effect()).catch((caught: Error) => caught);
    expect((error as Error).message).not.toContain('line 10\n');
    expect((error as Error).message).toContain('line 11\n');
    expect((error as Error).message).not.toContain('sentinel-kT7!pLm9');
    expect((error as Error).message).toContain('key [masked TOKEN]');
  });

  test('a missing directory is named', async () => {
    const { target, want, effect, directory } = bench({
      api: { command: fixture('healthy.mjs'), directory: 'releases/$VERSION' },
    });
    await expect(target.apply(want('1.2.0', 'r1'), effect())).rejects.toMatchObject({
      kind: 'target-failed',
      message: `api 1.2.0 cannot start: ${directory}/releases/1.2.0 does not exist`,
      next: 'Put version 1.2.0 there, or correct "directory".',
    });
  });

  test('a missing program is named', async () => {
    const { target, want, effect } = bench({ api: { command: ['no-such-program'] } });
    await expect(target.apply(want('1.2.0', 'r1'), effect())).rejects.toMatchObject({
      kind: 'target-failed',
      // The rest differs for a user who may not enter every folder of PATH.
      message: expect.stringMatching(/^api 1\.2\.0 cannot start: no-such-program was not started: /),
    });
  });

  test('a fixed port that is taken is refused, and whoever has it is left alone', async () => {
    const port = await occupy();
    const { target, want, effect, starts } = bench({ api: { command: fixture('healthy.mjs'), port } });
    await expect(target.apply(want('1.2.0', 'r1'), effect())).rejects.toMatchObject({
      kind: 'target-failed',
      message: `api cannot start: port ${port} is taken by another program`,
    });
    expect(starts()).toEqual([]);
    expect(servers[0]?.listening).toBe(true);
  });

  test('a program that never listens fails at its start limit, and revert stops it', async () => {
    const { target, want, effect } = bench({
      api: { command: fixture('slow-start.mjs'), env: { START_MS: '60000' }, 'start-within': '700ms' },
    });
    await expect(target.apply(want('1.2.0', 'r1'), effect())).rejects.toThrow(
      /^api 1\.2\.0 accepted no connection on 127\.0\.0\.1:\d+ within 0\.7 s; it wrote nothing$/,
    );
    const [instance] = await target.observe(effect());
    expect(instance).toMatchObject({ state: 'starting', version: '1.2.0' });
    expect(await target.revert(want('1.2.0', 'r1'), effect())).toMatchObject([{ how: 'ended-on-term' }]);
    expect(identify(instance?.pid ?? 0)).toBeNull();
  });

  test('an argument that would show a secret in the process list is refused, and nothing starts', async () => {
    const { target, want, effect, starts } = bench({ api: { command: fixture('healthy.mjs', '--key=$API_KEY') } });
    const watched = effect();
    registerSecret('API_KEY', 'sentinel-aB3$xYz8');
    watched.resolve = (text) => text.replace('$API_KEY', 'sentinel-aB3$xYz8');
    await expect(target.apply(want('1.2.0', 'r1'), watched)).rejects.toMatchObject({
      kind: 'config-invalid',
      message: 'the argument "--key=$API_KEY" would show a secret in the process list',
    });
    expect(starts()).toEqual([]);
  });
});

describe('waiting for the start', () => {
  test('a slow program is waited for', async () => {
    const { target, want, effect } = bench({ api: { command: fixture('slow-start.mjs'), env: { START_MS: '600' } } });
    expect(await target.apply(want('1.2.0', 'r1'), effect())).toMatchObject([{ state: 'running' }]);
  });

  test('a clock that jumps by a day neither ends the wait nor prolongs it', async () => {
    const { target, want, effect } = bench({
      api: { command: fixture('slow-start.mjs'), env: { START_MS: '400' } },
      dead: { command: fixture('slow-start.mjs'), env: { START_MS: '60000' }, 'start-within': '700ms' },
    });
    let day = 0;
    const jumping = { ...realClock, nowMs: () => realClock.nowMs() + (day++ % 2) * 86_400_000 };
    await expect(target.apply(want('1.2.0', 'r1'), { ...effect(), clock: jumping })).rejects.toThrow(
      /^dead 1\.2\.0 accepted no connection/,
    );
  });

  test('an abort ends the wait, begins no further component, and leaves the started one to revert', async () => {
    const { target, want, effect, starts } = bench({
      api: { command: fixture('slow-start.mjs'), env: { START_MS: '60000' } },
      web: { command: fixture('healthy.mjs') },
    });
    const aborted = effect();
    const applying = target.apply(want('1.2.0', 'r1'), aborted);
    await waitUntil('the first component to start', () => starts().length === 1);
    aborted.abort();
    await expect(applying).rejects.toThrow();
    expect(starts()).toHaveLength(1);
    expect(await target.revert(want('1.2.0', 'r1'), effect())).toMatchObject([{ how: 'ended-on-term' }]);
  });

  test('components start in the order of the release file', async () => {
    const { target, want, effect, starts } = bench({
      web: { command: fixture('healthy.mjs') },
      api: { command: fixture('wrong-version.mjs') },
    });
    await target.apply(want('1.2.0', 'r1'), effect());
    expect(starts().map(({ event }) => event)).toEqual(['healthy', 'wrong-version']);
  });
});

describe('stopping', () => {
  test('a program that ignores SIGTERM is killed after its limit', async () => {
    const { target, want, effect, starts } = bench({
      api: { command: fixture('ignores-sigterm.mjs'), 'stop-within': '300ms' },
    });
    const instances = await target.apply(want('1.2.0', 'r1'), effect());
    expect(await target.stop(instances, effect())).toMatchObject([{ how: 'killed-after-limit' }]);
    expect(starts().map(({ event }) => event)).toEqual(['ignores-sigterm', 'got-sigterm']);
    expect(identify(instances[0]?.pid ?? 0)).toBeNull();
  });

  test('children, grandchildren and a child in a group of its own end with it', async () => {
    const { target, want, effect, starts } = bench({ api: { command: fixture('forks-children.mjs') } });
    const instances = await target.apply(want('1.2.0', 'r1'), effect());
    await waitUntil('all four to run', () => starts().length === 4);
    await target.stop(instances, effect());
    expect(starts().filter(({ pid }) => identify(pid) !== null)).toEqual([]);
  });

  test('children whose parent was killed from outside end before it is started again', async () => {
    const { target, want, effect, starts } = bench({ api: { command: fixture('forks-children.mjs') } });
    const [first] = await target.apply(want('1.2.0', 'r1'), effect());
    await waitUntil('all four to run', () => starts().length === 4);
    process.kill(first?.pid ?? 0, 'SIGKILL');
    await waitUntil('it to be gone', () => identify(first?.pid ?? 0) === null);
    expect(await target.observe(effect())).toMatchObject([{ state: 'exited' }]);
    const old = starts();
    await target.apply(want('1.2.0', 'r1'), effect());
    await waitUntil('the new four to run', () => starts().length === 8);
    expect(old.filter(({ pid }) => identify(pid) !== null)).toEqual([]);
  });

  test('two stops at once are harmless', async () => {
    const { target, want, effect } = bench({ api: { command: fixture('healthy.mjs') } });
    const instances = await target.apply(want('1.2.0', 'r1'), effect());
    await Promise.all([target.stop(instances, effect()), target.stop(instances, effect())]);
    expect(await target.observe(effect())).toEqual([]);
  });

  test('an instance of another service is refused', async () => {
    const { target, want, effect } = bench({ api: { command: fixture('healthy.mjs') } });
    const other = bench({ api: { command: fixture('healthy.mjs') } });
    const instances = await other.target.apply(other.want('1.2.0', 'r1'), other.effect());
    await expect(target.stop(instances, effect())).rejects.toMatchObject({ kind: 'refused' });
    const climbing = { ...instances[0]!, id: `${want('', '').service}_production_/../../x` };
    await expect(target.stop([climbing], effect())).rejects.toMatchObject({ kind: 'refused' });
    expect(await other.target.observe(other.effect())).toMatchObject([{ state: 'running' }]);
  });

  test('a component that is no longer in the release file is stopped by revert as well', async () => {
    const { target, want, effect } = bench({ old: { command: fixture('healthy.mjs') } });
    await target.apply(want('1.2.0', 'r1'), effect());
    const { openProcessTarget } = await import('./process-target.ts');
    const emptied = openProcessTarget({ components: [] }, want('', ''));
    expect(await emptied.revert(want('1.2.0', 'r1'), effect())).toMatchObject([{ how: 'ended-on-term' }]);
  });
});

describe('what a component is given and what it leaves', () => {
  test('it knows its port, host, version, instance and release, and is not marked as a step', async () => {
    const { target, want, effect } = bench({
      api: { command: fixture('healthy.mjs', '$PORT', '$VERSION'), env: { DATABASE: '../$VERSION.db' } },
    });
    const marked = effect();
    marked.environment = () => ({ PATH: process.env['PATH'] ?? '', SHIPWAY_STEP: marked.token });
    const [instance] = await target.apply(want('1.2.0', 'r1'), marked);
    const read = (file: string) => readFileSync(`/proc/${instance?.pid}/${file}`, 'utf8').split('\0');
    const port = String(instance?.address?.port);
    expect(read('environ')).toEqual(
      expect.arrayContaining([
        `PORT=${port}`,
        'HOST=127.0.0.1',
        'VERSION=1.2.0',
        `SHIPWAY_INSTANCE=${instance?.id}`,
        'SHIPWAY_RELEASE=r1',
        'DATABASE=../1.2.0.db',
      ]),
    );
    expect(read('environ').some((line) => line.startsWith('SHIPWAY_STEP='))).toBe(false);
    expect(read('cmdline').slice(2, 4)).toEqual([port, '1.2.0']);
  });

  test('its output is kept for its owner only, and shown masked in every form', async () => {
    const secret = 'sentinel-Hf5%vQn4';
    registerSecret('SESSION_KEY', secret);
    const { target, want, effect, instanceDirectory } = bench({
      api: { command: fixture('prints-secret.mjs'), env: { SECRET: secret } },
    });
    const [instance] = await target.apply(want('1.2.0', 'r1'), effect());
    const file = join(instanceDirectory('api', 'r1'), 'output.log');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const lines = await target.logs(instance!, 100, effect());
    expect(lines.at(-1)).toBe('done printing');
    const shown = lines.join('\n');
    for (const form of [secret, encodeURIComponent(secret), Buffer.from(`user:${secret}`).toString('base64')]) {
      expect(readFileSync(file, 'utf8')).toContain(form);
      expect(shown).not.toContain(form);
    }
  });

  test('the end of a huge output is read without reading the whole', async () => {
    const { target, want, effect, instanceDirectory } = bench({ api: { command: fixture('healthy.mjs') } });
    const [instance] = await target.apply(want('1.2.0', 'r1'), effect());
    const file = join(instanceDirectory('api', 'r1'), 'output.log');
    writeFileSync(file, `${'x'.repeat(5 * 2 ** 20)}\n${'short line\n'.repeat(10)}last\n`);
    expect(await target.logs(instance!, 3, effect())).toEqual(['short line', 'short line', 'last']);
    writeFileSync(file, 'y'.repeat(5 * 2 ** 20));
    expect(await target.logs(instance!, 3, effect())).toEqual(['(one line longer than 1 MiB)']);
  });

  test('an output that grew too large is cut whenever somebody looks, and the program goes on writing behind its end', async () => {
    const { target, want, effect, instanceDirectory } = bench({ api: { command: fixture('healthy.mjs') } });
    const [instance] = await target.apply(want('1.2.0', 'r1'), effect());
    const file = join(instanceDirectory('api', 'r1'), 'output.log');
    appendFileSync(file, `${`${'x'.repeat(1023)}\n`.repeat(65 * 1024)}the last line\n`);
    await target.observe(effect());
    expect(statSync(file).size).toBeLessThan(9 * 2 ** 20);
    const [mark] = readFileSync(file, 'utf8').split('\n', 1);
    expect(mark).toMatch(/^\[shipway: \d+ bytes before this line were left out\]$/);
    expect(await target.logs(instance!, 1, effect())).toEqual(['the last line']);
  });

  test('the memory share is measured against the limit of the component, and null once it is gone', async () => {
    const { target, want, effect } = bench({ api: { command: fixture('healthy.mjs'), 'memory-limit': '1GiB' } });
    const instances = await target.apply(want('1.2.0', 'r1'), effect());
    const id = instances[0]!.id;
    const share = (await target.memoryShare(instances, effect()))[id];
    expect(share).toBeGreaterThan(0.01); // Node needs some 40 MiB
    expect(share).toBeLessThan(0.5);
    await target.stop(instances, effect());
    expect(await target.memoryShare(instances, effect())).toEqual({ [id]: null });
  });

  test('a state directory that cannot be written is named before anything starts', async () => {
    const { target, want, effect, directory, starts } = bench({ api: { command: fixture('healthy.mjs') } });
    mkdirSync(join(directory, '.shipway'));
    writeFileSync(join(directory, '.shipway', 'instances'), 'a file where the folder should be');
    await expect(target.apply(want('1.2.0', 'r1'), effect())).rejects.toThrow();
    expect(starts()).toEqual([]);
  });
});
