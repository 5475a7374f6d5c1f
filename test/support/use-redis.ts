import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Capture, Store } from '../../src/adapters/stores/store.ts';
import { openRedisStore } from '../../src/adapters/stores/redis/redis-store.ts';
import { redisSettings } from '../../src/adapters/stores/redis/settings.ts';
import { createEffect } from './create-effect.ts';
import { settingsOf, startRedis, stopRedis, withClient } from './redis-project.ts';

/** A new project with a Redis server for every test, ended and deleted after it. The server starts when the test says how. */
export function useRedis(program: string, port: number) {
  let project = '';
  let copy = '';
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'shipway-redis-'));
    copy = join(project, '.copy');
    mkdirSync(copy);
  });
  afterEach(() => {
    stopRedis(project, program);
    rmSync(project, { recursive: true, force: true });
  });
  const open = (change: Record<string, unknown> = {}): Store =>
    openRedisStore(redisSettings.parse({ ...settingsOf(program, port), ...change }), { projectDirectory: project });
  const effect = () => createEffect(project);
  const capture = (store = open()): Promise<Capture> => store.capture(copy, effect());
  return {
    project: () => project,
    /** The folder of the copy. */
    copy: () => copy,
    start: (...configuration: string[]) => startRedis(project, { program, port, configuration }),
    settings: () => redisSettings.parse(settingsOf(program, port)),
    open,
    effect,
    capture,
    captureAgain: (store = open()): Promise<Capture> => {
      rmSync(copy, { recursive: true });
      mkdirSync(copy);
      return capture(store);
    },
    set: (key: string, value: string) => withClient(port, (client) => client.set(key, value)),
    setFor: (key: string, value: string, ms: number) =>
      withClient(port, (client) => client.sendCommand(['SET', key, value, 'PX', String(ms)])),
    get: (key: string) => withClient(port, (client) => client.get(key)),
    count: () => withClient(port, (client) => client.dbSize()),
  };
}
