import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { freePort } from '../../../../test/support/free-port.ts';
import { PASSWORD, redisProgram } from '../../../../test/support/redis-project.ts';
import { runGapped } from '../../../../test/support/run-gapped.ts';
import { useRedis } from '../../../../test/support/use-redis.ts';
import { randomId } from '../../../platform/ids.ts';
import { findByEnvironment } from '../../../platform/process-table.ts';
import { isPortOpen } from '../../../platform/ports.ts';
import type { Capture, ServedCopy, Store } from '../store.ts';
import { KILLS_LIMIT_MS, STORE_PROGRAM } from '../store-subject.suite.ts';

const { path, reason } = redisProgram();
const program = path ?? 'redis-server';
const port = await freePort();

describe.skipIf(path === null)(`a copy of a Redis server, served (${reason})`, { timeout: 120_000 }, () => {
  const redis = useRedis(program, port);
  const { start, open, set, get, effect, capture } = redis;
  const served = (recorded: Capture, store: Store = open(), id = 'one'): Promise<ServedCopy> => {
    const own = { ...effect(), token: `rehearsal/${id}/restore` };
    const copy = store.serving?.restore({ folder: redis.copy(), capture: recorded }, id, own);
    if (copy === undefined) throw new Error('this store serves no copies');
    return copy;
  };
  const withCopy = async <Result>(url: string, use: (client: ReturnType<typeof createClient>) => Promise<Result>) => {
    const client = createClient({ RESP: 2, url, socket: { reconnectStrategy: false } });
    client.on('error', () => undefined); // every call throws its own
    await client.connect();
    try {
      return await use(client as ReturnType<typeof createClient>);
    } finally {
      client.destroy();
    }
  };
  const urlOf = ({ variables }: ServedCopy): string => variables['SCRATCH_URL'] ?? '';
  const left = (): string[] => {
    const folder = join(createEffect(redis.project()).stateDirectory, 'redis-copies');
    return existsSync(folder) ? readdirSync(folder) : [];
  };

  it('has what was captured and can be written; the live server does not notice, and nothing of it stays', async () => {
    await start();
    await set('word', 'old');
    const recorded = await capture();
    await set('word', 'live');
    const dump = readFileSync(join(redis.copy(), 'dump.rdb'));
    const copy = await served(recorded);
    expect(copy.variables).not.toHaveProperty('SCRATCH_PATH');
    await withCopy(urlOf(copy), async (client) => {
      expect(await client.get('word')).toBe('old');
      await client.set('word', 'copy');
      await client.sendCommand(['SAVE']); // what it writes of itself is written beside the copy of the backup
      expect(await client.get('word')).toBe('copy');
    });
    expect(await get('word')).toBe('live');
    expect(readFileSync(join(redis.copy(), 'dump.rdb'))).toEqual(dump);
    await copy.remove(effect());
    await copy.remove(effect());
    expect(await isPortOpen('127.0.0.1', Number(new URL(urlOf(copy)).port))).toBe(false);
    expect(left()).toEqual([]);
    expect(await get('word')).toBe('live');
  });

  it('is led to the same database, and lets nobody in without its own password', async () => {
    await start();
    await set('word', 'old');
    const url = `redis://:${PASSWORD}@127.0.0.1:${port}/3`;
    const copy = await served(await capture(), open({ url }));
    try {
      const address = new URL(urlOf(copy));
      expect(address.pathname).toBe('/3');
      expect(copy.place).not.toContain(address.password);
      expect(address.password).not.toBe(PASSWORD);
      for (const other of ['', `:${PASSWORD}@`]) {
        await expect(
          withCopy(`redis://${other}127.0.0.1:${address.port}`, (client) => client.get('word')),
        ).rejects.toThrow(/NOAUTH|WRONGPASS/);
      }
    } finally {
      await copy.remove(effect());
    }
  });

  it('lets keys end whose time is over, as after a restore', async () => {
    await start();
    await set('word', 'old');
    await redis.setFor('session', 'old', 1500);
    const copy = await served(await capture());
    try {
      await withCopy(urlOf(copy), async (client) => {
        await expect.poll(() => client.exists('session'), { timeout: 30_000 }).toBe(0);
        expect(await client.get('word')).toBe('old');
      });
    } finally {
      await copy.remove(effect());
    }
  });

  it('of a cache that is not copied is an empty server', async () => {
    await start();
    await set('word', 'cached');
    const cache = open({ role: 'cache' });
    const copy = await served(await capture(cache), cache);
    try {
      await withCopy(urlOf(copy), async (client) => {
        expect(await client.dbSize()).toBe(0);
        await client.set('word', 'copy');
      });
      expect(await get('word')).toBe('cached');
    } finally {
      await copy.remove(effect());
    }
  });

  it('is refused when it is not what was captured, and nothing of that stays', async () => {
    await start();
    await set('word', 'old');
    const recorded = await capture();
    const refused = served({ ...recorded, fingerprint: 'x' });
    await expect(refused).rejects.toMatchObject({ kind: 'backup-invalid' });
    expect(left()).toEqual([]);
  });

  it('needs a Redis server on the machine, and says so', async () => {
    await start();
    await set('word', 'old');
    const recorded = await capture();
    await expect(served(recorded, open({ server: 'no-such-redis-server' }))).rejects.toMatchObject({
      message: 'a copy cannot be loaded without a Redis server on this machine',
      next: expect.stringContaining('Install redis-server 7 or newer') as string,
    });
    expect(left()).toEqual([]);
  });

  it('ends when whoever wanted it stops', async () => {
    await start();
    await set('word', 'old');
    const recorded = await capture();
    const stop = new AbortController();
    const own = { ...createEffect(redis.project(), { signal: stop.signal }), token: 'rehearsal/one/restore' };
    const copy = await open().serving?.restore({ folder: redis.copy(), capture: recorded }, 'one', own);
    if (copy === undefined) throw new Error('this store serves no copies');
    stop.abort();
    await copy.remove(effect());
    expect(await isPortOpen('127.0.0.1', Number(new URL(urlOf(copy)).port))).toBe(false);
    expect(left()).toEqual([]);
  });

  it(
    'whose process was killed is ended and removed by itself, its socket too',
    { timeout: KILLS_LIMIT_MS },
    async () => {
      const sockets = mkdtempSync(join(tmpdir(), 's-'));
      vi.stubEnv('TMPDIR', sockets);
      onTestFinished(() => {
        vi.unstubAllEnvs();
        rmSync(sockets, { recursive: true });
      });
      await start();
      await set('word', 'old');
      const recorded = await capture();
      const id = randomId();
      const act = { name: 'serve', folder: redis.copy(), capture: recorded, id };
      const request = { kind: 'redis', settings: redis.settings(), projectDirectory: redis.project(), act };
      const { passed, stderr } = await runGapped(STORE_PROGRAM, request, null);
      expect(passed, stderr).toEqual(['stores.redis.copy-placed', 'stores.redis.loaded', 'stores.redis.served']);
      expect(left()).toEqual([]);
      for (const killAt of passed) {
        const end = await runGapped(STORE_PROGRAM, request, killAt);
        expect(end.signal, `${killAt}: ${end.stderr}`).toBe('SIGKILL');
        // Nobody runs anything of ours any more: the guard does it by itself.
        await expect.poll(left, { timeout: 60_000, message: killAt }).toEqual([]);
        expect(
          findByEnvironment('SHIPWAY_STEP', (token) => token.startsWith(`rehearsal/${id}/`)),
          killAt,
        ).toEqual([]);
        expect(
          readdirSync(sockets).filter((name) => name.startsWith('shipway-')),
          killAt,
        ).toEqual([]);
        expect(await get('word'), killAt).toBe('old');
      }
    },
  );

  it('that lies there from a use whose guard was killed too is removed by the next', async () => {
    await start();
    mkdirSync(join(createEffect(redis.project()).stateDirectory, 'redis-copies/dead'), { recursive: true });
    expect(await open().serving?.sweep(effect())).toEqual([expect.stringContaining('redis-copies/dead')]);
    expect(left()).toEqual([]);
  });
});
