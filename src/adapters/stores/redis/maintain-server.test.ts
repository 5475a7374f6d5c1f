import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort } from '../../../../test/support/free-port.ts';
import { redisProgram, stopRedis, withClient } from '../../../../test/support/redis-project.ts';
import { useRedis } from '../../../../test/support/use-redis.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';

const { path, reason } = redisProgram();
const program = path ?? 'redis-server';
const port = await freePort();

describe.skipIf(path === null)(`maintenance of a Redis server (${reason})`, { timeout: 120_000 }, () => {
  const redis = useRedis(program, port);
  const run = (act: 'count' | 'check') => redis.open().maintenance?.run({ act, query: null }, redis.effect());

  it('counts the keys of every database, and finds nothing in a server that is well', async () => {
    await redis.start('appendonly no');
    await withClient(port, async (client) => {
      await client.mSet({ a: '1', b: '2', c: '3' });
      await client.move('c', 3);
    });
    const figures = { rows: { 'db0 keys': 2, 'db3 keys': 1 } };
    expect(await run('count')).toEqual({ findings: [], figures });
    expect(await run('check')).toEqual({ findings: [], figures });
  });

  it('finds a server that cannot save', async () => {
    await redis.start('appendonly no');
    await redis.set('a', '1');
    rmSync(join(redis.project(), 'data'), { recursive: true });
    await withClient(port, (client) => client.sendCommand(['BGSAVE']));
    await waitUntil('the save to fail', async () => ((await run('check'))?.findings.length ?? 0) > 0);
    expect((await run('check'))?.findings).toEqual(['its last save failed: read its log']);
    expect((await run('count'))?.findings).toEqual([]);
  });

  it('fails when the server is down', async () => {
    await redis.start('appendonly no');
    stopRedis(redis.project(), program);
    await expect(run('count')).rejects.toMatchObject({ kind: 'check-failed' });
  });
});
