import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../../../test/support/free-port.ts';
import { redisProgram, stopRedis, withClient } from '../../../../test/support/redis-project.ts';
import { useRedis } from '../../../../test/support/use-redis.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';

const { path, reason } = redisProgram();
const program = path ?? 'redis-server';
const port = await freePort();

// Every one starts servers and programs: on a machine with two busy cores that takes a while.
describe.skipIf(path === null)(`the content of a Redis server (${reason})`, { timeout: 120_000 }, () => {
  const redis = useRedis(program, port);
  const { start, open, get, effect, capture, captureAgain } = redis;

  it('reads every type, and tells a change in each of them', async () => {
    await start('appendonly no');
    const changes: string[][] = [
      ['SET', 'a', '1'],
      ['RPUSH', 'b', '1', '2'],
      ['LSET', 'b', '0', '3'],
      ['HSET', 'c', 'f', '1'],
      ['HSET', 'c', 'f', '2'],
      ['SADD', 'd', '1', '2'],
      ['SREM', 'd', '1'],
      ['ZADD', 'e', '1', 'm'],
      ['ZADD', 'e', '1.5', 'm'],
      ['XADD', 'f', '1-1', 'k', 'v'],
      ['XGROUP', 'CREATE', 'f', 'g', '0'],
      ['XREADGROUP', 'GROUP', 'g', 'consumer', 'STREAMS', 'f', '>'],
      ['XDEL', 'f', '1-1'],
      ['SETBIT', 'a', '4', '1'],
      ['PFADD', 'h', 'x'],
      ['SELECT', '3'],
      ['PEXPIREAT', 'a', '4102444800000'],
      ['PEXPIREAT', 'a', '4102444860000'],
      ['RENAME', 'a', 'z'],
      ['FUNCTION', 'LOAD', "#!lua name=lib\nredis.register_function('one', function() return 1 end)"],
    ];
    const seen = new Set<string>();
    await withClient(port, async (client) => {
      for (const change of changes) {
        await client.sendCommand(change[0] === 'SELECT' ? ['MOVE', 'd', change[1] ?? ''] : change);
        const { fingerprint } = await captureAgain();
        expect(seen, change.join(' ')).not.toContain(fingerprint);
        seen.add(fingerprint);
      }
    });
  });

  it('gives equal data one fingerprint in whatever order it was written, and in every packing', async () => {
    await start('appendonly no', 'set-max-intset-entries 4', 'hash-max-listpack-entries 4');
    const write = (names: string[]) =>
      withClient(port, async (client) => {
        for (const name of names) await client.sAdd('set', name).then(() => client.hSet('hash', name, name));
      });
    await write(['1', '2', '3', 'b', 'a', 'c', 'd']);
    const first = await capture();
    await withClient(port, (client) => client.flushAll());
    stopRedis(redis.project(), program);
    await start('appendonly no');
    await write(['d', 'c', '3', 'a', 'b', '2', '1']);
    expect((await captureAgain()).fingerprint).toBe(first.fingerprint);
  });

  it('still verifies a copy when keys in it have ended since, and holds those that have not', async () => {
    await start('appendonly no');
    await withClient(port, async (client) => {
      await client.set('stays', '1');
      await client.sendCommand(['SET', 'soon', '1', 'PX', '1500']);
      await client.sendCommand(['SET', 'later', '1', 'EX', '86400']);
    });
    const found = await capture();
    expect(found.counters).toEqual({ 'db0 keys': 3, 'db0 keys with an end': 2, 'db0 string': 1 });
    await waitUntil('the key to end', async () => (await get('soon')) === null);
    await open().verify(redis.copy(), found, effect());
    const file = join(redis.copy(), 'server.json');
    const described = JSON.parse(readFileSync(file, 'utf8')) as { expiring: { sum: string }[] };
    for (const line of described.expiring) line.sum = '0'.repeat(64);
    writeFileSync(file, JSON.stringify(described));
    await expect(open().verify(redis.copy(), found, effect())).rejects.toMatchObject({ kind: 'backup-invalid' });
  });

  it('counts what changed by type and by prefix', async () => {
    await start('appendonly no');
    await withClient(port, (client) => client.mSet({ 'user:1': 'a', 'user:2': 'b', other: 'c' }));
    const found = await capture();
    await withClient(port, async (client) => {
      await client.set('user:3', 'd');
      await client.rPush('jobs:mail', 'x');
    });
    expect(await open().changesSince(found, effect())).toEqual({
      'db0 keys': { captured: 3, now: 5 },
      'db0 jobs:*': { captured: 0, now: 1 },
      'db0 list': { captured: 0, now: 1 },
      'db0 string': { captured: 3, now: 4 },
      'db0 user:*': { captured: 2, now: 3 },
      contentDiffers: true,
    });
  });
});
