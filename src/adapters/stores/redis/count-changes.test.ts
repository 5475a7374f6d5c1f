import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { countChanges } from './count-changes.ts';
import { openEmptiedCache } from './emptied-cache.ts';
import type { LocatedServer } from './located-server.ts';
import type { RedisAddress } from './redis-address.ts';

const NOWHERE: RedisAddress = {
  shown: 'redis://nowhere',
  socketPath: join(tmpdir(), 'shipway-no-redis-listens-here'),
  host: '',
  port: 0,
  isTls: false,
  username: null,
  password: null,
  database: 0,
};
const CAPTURE = {
  engine: 'redis 7',
  consistentAt: '2026-11-21T00:00:00.000Z',
  liveBytes: 1,
  counters: {},
  fingerprint: '',
};

test('a server that is stopped cannot be counted, and its data is not called gone', async () => {
  const refused = { kind: 'unreachable', message: 'there is no Redis server' };
  await expect(countChanges(NOWHERE, CAPTURE, createEffect(tmpdir()))).rejects.toMatchObject(refused);
  const cache = openEmptiedCache(() => Promise.resolve({ address: NOWHERE } as LocatedServer));
  await expect(cache.changesSince(CAPTURE, createEffect(tmpdir()))).rejects.toMatchObject(refused);
});
