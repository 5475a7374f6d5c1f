import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../../../test/support/free-port.ts';
import { hammer, judgeHammeredCopy } from '../../../../test/support/hammered-redis.ts';
import {
  dataNames,
  PASSWORD,
  redisProgram,
  settingsOf,
  stopRedis,
  withClient,
} from '../../../../test/support/redis-project.ts';
import { useRedis } from '../../../../test/support/use-redis.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import { openRedisStore } from './redis-store.ts';
import { redisSettings } from './settings.ts';

const { path, reason } = redisProgram();
const program = path ?? 'redis-server';
const port = await freePort();

// Every one starts servers and programs: on a machine with two busy cores that takes a while.
describe.skipIf(path === null)(`a store of kind redis (${reason})`, { timeout: 120_000 }, () => {
  const redis = useRedis(program, port);
  const { start, open, set, get, count, effect, capture, captureAgain } = redis;

  describe('what people do by hand (controls)', () => {
    it('a dump.rdb put back beside an append-only folder is ignored', async () => {
      await start('appendonly yes');
      await set('word', 'old');
      await capture();
      await set('word', 'new');
      stopRedis(redis.project(), program);
      copyFileSync(join(redis.copy(), 'dump.rdb'), join(redis.project(), 'data/dump.rdb'));
      await start('appendonly yes');
      expect(await get('word')).toBe('new');
    });

    it('without the append-only folder the server starts empty, and its next save overwrites the dump', async () => {
      await start('appendonly yes');
      await set('word', 'old');
      await capture();
      stopRedis(redis.project(), program);
      rmSync(join(redis.project(), 'data/appendonlydir'), { recursive: true });
      copyFileSync(join(redis.copy(), 'dump.rdb'), join(redis.project(), 'data/dump.rdb'));
      const dumped = readFileSync(join(redis.project(), 'data/dump.rdb'));
      await start('appendonly yes');
      expect(await count()).toBe(0);
      await withClient(port, (client) => client.sendCommand(['SAVE']));
      expect(readFileSync(join(redis.project(), 'data/dump.rdb')).equals(dumped)).toBe(false);
    });

    it('an archive of the live append-only folder with a rewrite in the middle does not start', async () => {
      await start('appendonly yes');
      await set('word', 'old');
      const live = join(redis.project(), 'data/appendonlydir');
      const archive = join(redis.project(), 'archive');
      mkdirSync(archive);
      const early = readdirSync(live).filter((name) => !name.endsWith('.manifest'));
      for (const name of early) cpSync(join(live, name), join(archive, name));
      await withClient(port, (client) => client.sendCommand(['BGREWRITEAOF']));
      await waitUntil('the rewrite to end', () => readdirSync(live).every((name) => !early.includes(name)));
      for (const name of readdirSync(live).filter((name) => name.endsWith('.manifest')))
        cpSync(join(live, name), join(archive, name));
      stopRedis(redis.project(), program);
      rmSync(live, { recursive: true });
      renameSync(archive, live);
      await expect(start('appendonly yes')).rejects.toThrow();
    });
  });

  it('takes copies that are consistent and complete while the server is written as fast as it can', async () => {
    await start('appendonly yes');
    const reasons: (string | null)[] = [];
    await withClient(port, async (client) => {
      const writer = hammer(client);
      try {
        for (let copies = 0; copies < 8; copies += 1) {
          await waitUntil('the writer to go on', () => writer.rounds() > copies * 20);
          const acknowledged = writer.rounds();
          await captureAgain();
          reasons.push(await judgeHammeredCopy(join(redis.copy(), 'dump.rdb'), program, acknowledged));
        }
      } finally {
        await writer.stop();
      }
    });
    expect(reasons).toEqual(Array.from({ length: 8 }, () => null));
  });

  it('restored, a server with an append-only file has the data after its next two starts as well', async () => {
    await start('appendonly yes');
    await set('word', 'old');
    const found = await capture();
    await set('word', 'new');
    await open().swap(await open().stage(redis.copy(), found, 'bk_1', effect()), effect());
    expect(await get('word')).toBe('old');
    await set('later', 'x');
    stopRedis(redis.project(), program);
    await start('appendonly yes');
    expect([await get('word'), await get('later')]).toEqual(['old', 'x']);
    stopRedis(redis.project(), program);
    await start('appendonly no');
    expect(await get('word')).toBe('old');
  });

  it('is half swapped until the server has started on the restored data, and the same swap finishes it', async () => {
    await start('appendonly yes');
    await set('word', 'old');
    const found = await capture();
    await set('word', 'new');
    const staged = await open().stage(redis.copy(), found, 'bk_1', effect());
    await expect(open({ start: ['false'] }).swap(staged, effect())).rejects.toMatchObject({ kind: 'restore-failed' });
    const [half] = await open().replaced(effect());
    expect(half?.state).toBe('half');
    await expect(open().discard(half?.record ?? { keptAt: null }, effect())).rejects.toThrow('interrupted half way');
    await open().swap(half?.staged ?? { place: '' }, effect());
    expect(await get('word')).toBe('old');
    expect((await open().replaced(effect())).map(({ state }) => state)).toEqual(['replaced']);
  });

  it('notices that the restored server looked elsewhere, and keeps everything for the way back', async () => {
    await start('appendonly yes');
    await set('word', 'old');
    const found = await capture();
    await set('word', 'new');
    // Switched off at run time only: the next start will look at the append-only folder again.
    await withClient(port, (client) => client.sendCommand(['CONFIG', 'SET', 'appendonly', 'no']));
    const staged = await open().stage(redis.copy(), found, 'bk_1', effect());
    await expect(open().swap(staged, effect())).rejects.toMatchObject({
      kind: 'restore-failed',
      message: expect.stringContaining('has not looked at the restored dump') as string,
    });
    await open().swapBack({ keptAt: staged.place.replace('.restore-', '.replaced-') }, effect());
    expect(await get('word')).toBe('new');
  });

  it('keeps what was written since the last save of a server that saves nothing on its way out', async () => {
    await start('appendonly no');
    await set('word', 'old');
    const found = await capture();
    await set('word', 'new');
    const record = await open().swap(await open().stage(redis.copy(), found, 'bk_1', effect()), effect());
    expect(await get('word')).toBe('old');
    await open().swapBack(record, effect());
    expect(await get('word')).toBe('new');
  });

  it('says that a save failed, and leaves no copy', async () => {
    await start('appendonly no', 'save 3600 1');
    mkdirSync(join(redis.project(), 'data/dump.rdb/in-the-way'), { recursive: true });
    await expect(capture()).rejects.toMatchObject({
      kind: 'backup-failed',
      message: 'the Redis server could not save: rdb_last_bgsave_status is err',
      next: expect.stringContaining('MISCONF') as string,
    });
    await expect(set('word', 'new')).rejects.toThrow(/MISCONF/);
    expect(readdirSync(redis.copy())).toEqual([]);
  });

  it('waits for a save that runs already, and takes its own', async () => {
    await start('appendonly no', 'rdb-key-save-delay 2000');
    await withClient(port, async (client) => {
      const all = client.multi();
      for (let n = 0; n < 100; n += 1) all.set(`key:${n}`, 'x');
      await all.exec();
      await client.sendCommand(['BGSAVE']);
      await client.set('late', '1');
    });
    expect((await capture()).counters['db0 keys']).toBe(101);
  });

  it('finds out that the directory is not the folder of the server', async () => {
    await start('appendonly no');
    await set('word', 'old');
    mkdirSync(join(redis.project(), 'elsewhere'));
    await expect(capture(open({ directory: 'elsewhere' }))).rejects.toMatchObject({
      kind: 'backup-failed',
      message: 'the Redis server saved, but there is no new dump.rdb in the directory',
    });
  });

  it('copies a server whose folder is out of reach, and refuses to restore that in place', async () => {
    await start('appendonly no');
    await set('word', 'old');
    const remote = open({ directory: undefined });
    const found = await capture(remote);
    expect(found.counters).toEqual({ 'db0 keys': 1, 'db0 keys with an end': 0, 'db0 string': 1 });
    await remote.verify(redis.copy(), found, effect());
    await expect(remote.stage(redis.copy(), found, 'bk_1', effect())).rejects.toMatchObject({
      message: 'this Redis server cannot be restored in place',
      next: expect.stringContaining('`stop` and `start`') as string,
    });
  });

  it('shows the password in no error and in no argument', async () => {
    await start('appendonly no');
    const settings = { ...settingsOf(program, port), url: `redis://:wrong-${PASSWORD}@127.0.0.1:${port}` };
    const failure = await openRedisStore(redisSettings.parse(settings), { projectDirectory: redis.project() })
      .capture(redis.copy(), effect())
      .catch((error: unknown) => error as { kind: string; message: string; next: string; where: string });
    expect(failure).toMatchObject({ kind: 'not-permitted', where: `redis://127.0.0.1:${port}` });
    const remote = open({ directory: undefined, url: `redis://:wrong-${PASSWORD}@127.0.0.1:${port}` });
    const second = await remote.capture(redis.copy(), effect()).catch((error: unknown) => error);
    for (const error of [failure, second])
      expect(JSON.stringify(Object.values(error as object))).not.toContain(PASSWORD);
    const seen = join(redis.project(), 'arguments');
    const tool = join(redis.project(), 'redis-server');
    writeFileSync(tool, `#!/bin/sh\necho "$@" >> ${seen}\nexec ${program} "$@"\n`, { mode: 0o755 });
    await capture(open({ server: tool }));
    expect(readFileSync(seen, 'utf8')).toBe('-\n');
  });

  it('says what to install where there is no server program, and which copies it cannot load', async () => {
    await start('appendonly no');
    await set('word', 'old');
    await expect(capture(open({ server: 'no-such-redis-server' }))).rejects.toMatchObject({
      message: 'a copy cannot be loaded without a Redis server on this machine',
    });
    const found = await capture();
    const bytes = readFileSync(join(redis.copy(), 'dump.rdb'));
    bytes.write('9999', 5); // the version of the format
    writeFileSync(join(redis.copy(), 'dump.rdb'), bytes);
    await expect(open().verify(redis.copy(), found, effect())).rejects.toMatchObject({ kind: 'backup-invalid' });
  });

  it('leaves no server and no folder of its own behind', async () => {
    await start('appendonly no');
    await set('word', 'old');
    const mine = () =>
      readdirSync(tmpdir()).filter(
        (name) => name.startsWith('shipway-redis-') && existsSync(join(tmpdir(), name, 'socket')),
      );
    await capture();
    expect(mine()).toEqual([]);
  });

  it('does not copy a cache, and empties it on a restore', async () => {
    await start('appendonly no');
    await set('word', 'old');
    const cache = open({ role: 'cache' });
    const found = await capture(cache);
    expect(readdirSync(redis.copy())).toEqual(['cache.json']);
    expect(await cache.changesSince(found, effect())).toEqual({
      'cached keys': { captured: 0, now: 1 },
      contentDiffers: false,
    });
    const record = await cache.swap(await cache.stage(redis.copy(), found, 'bk_1', effect()), effect());
    expect([record, await count()]).toEqual([{ keptAt: null }, 0]);
  });

  it('copies a cache when asked to, and will not leave out what is no cache', async () => {
    await start('appendonly no');
    await set('word', 'old');
    await capture(open({ role: 'cache', backup: true }));
    expect(readdirSync(redis.copy()).sort()).toEqual(['dump.rdb', 'server.json']);
    expect(() => open({ role: 'queue', backup: false })).toThrow('only a cache can do without');
  });

  it('says of a queue that a restore does work again, and of a full server that it throws keys away', async () => {
    await start('appendonly no', 'maxmemory 100mb', 'maxmemory-policy allkeys-lru');
    await withClient(port, (client) => client.rPush('jobs', 'mail'));
    const asked = effect();
    const queue = open({ role: 'queue' });
    const found = await queue.capture(redis.copy(), asked);
    await queue.stage(redis.copy(), found, 'bk_1', asked);
    expect(asked.lines).toEqual([
      `redis://127.0.0.1:${port} is a queue and throws keys away when it is full (maxmemory-policy allkeys-lru)`,
      `redis://127.0.0.1:${port} is a queue: work done since ${found.consistentAt} comes back and is done again`,
    ]);
  });

  it('refuses names in a description that would lead out of the directory', async () => {
    await start('appendonly no');
    await set('word', 'old');
    const found = await capture();
    const file = join(redis.copy(), 'server.json');
    const described = JSON.parse(readFileSync(file, 'utf8')) as { names: { dump: string } };
    for (const name of ['../dump.rdb', '/etc/dump.rdb', '..', '']) {
      writeFileSync(file, JSON.stringify({ ...described, names: { ...described.names, dump: name } }));
      await expect(open().stage(redis.copy(), found, 'bk_1', effect()), name).rejects.toMatchObject({
        kind: 'backup-invalid',
      });
    }
    expect(dataNames(redis.project())).toEqual(['dump.rdb']);
  });
});
