import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { PASSWORD, redisProgram, startRedis, stopRedis, withClient } from '../support/redis-project.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

const LIMIT_MS = 600_000; // a dozen commands one after the other, on a machine that does other things too
const PATIENT = { limitSeconds: 300 };
const { path, reason } = redisProgram();
const program = path ?? 'redis-server';
const SCRATCH = '    scratch: { env: { REDIS_URL: $SCRATCH_SESSIONS_URL } }';
const OTHER_NUMBER = '    scratch: { env: { REDIS_URL: $LIVE/1, COPY: $SCRATCH_SESSIONS_URL } }';

describe.skipIf(path === null)(`a version on a copy of its Redis server (${reason})`, () => {
  let project: ServiceProject;
  let port: number;
  let file: string;

  beforeAll(async () => {
    port = await freePort();
    const store = `redis: { url: $REDIS_URL, directory: data, server: ${program} }`;
    project = await createServiceProject({
      top: `stores: { sessions: { ${store} } }`,
      component: '            env: { REDIS_URL: $REDIS_URL, COPY: none }',
      watch: '',
      verify: '      - Words: { get: $PUBLIC/words, expect: { status: 200, json: { words: 2 } } }',
      environment: `    env-file: .env\n${SCRATCH}`,
    });
    file = project.read('shipway.yaml');
    const live = `redis://:${PASSWORD}@127.0.0.1:${port}`;
    project.write('.env', `PUBLIC=http://127.0.0.1:${project.port}\nREDIS_URL=${live}\nLIVE=${live}\n`);
    await startRedis(project.directory, { program, port, configuration: [] });
    await withClient(port, (client) => client.rPush('words', ['a', 'b']));
    project.addVersion('1.0.0', 'reads-redis');
    said(0, await project.release('1.0.0', [], PATIENT));
    said(0, await project.shipway(['backup', 'create'], PATIENT));
  }, LIMIT_MS);
  afterAll(async () => {
    if (project === undefined) return;
    stopRedis(project.directory, program);
    await project.remove();
  }, LIMIT_MS);

  const newest = async (): Promise<string> => {
    const listed = said(0, await project.shipway(['backup', 'list', '--json'], PATIENT));
    return (JSON.parse(listed) as { backups: { id: string }[] }).backups[0]?.id ?? '';
  };
  const left = (): string[] => {
    const folder = join(project.directory, '.shipway/redis-copies');
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  const live = async (): Promise<{ words: number; asked: string | null }> =>
    withClient(port, async (client) => ({ words: await client.lLen('words'), asked: await client.get('asked') }));

  test(
    'is started on a server of its own that holds the copy, reads and writes there, and nothing of it stays, also after a kill',
    async () => {
      const id = await newest();
      await withClient(port, (client) => client.rPush('words', 'later')); // the live service would answer 3
      const before = await live();
      project.write('gaps/do', 'kill');
      project.write('gaps/at', '["scratch.started"]');
      const environment = { SHIPWAY_GAPS: join(project.directory, 'gaps') };
      const verify = ['backup', 'verify', id, '--level', '4'];
      expect((await project.shipway(verify, { ...PATIENT, environment })).signal).toBe('SIGKILL');
      expect(left()).toHaveLength(1);
      const passed = said(0, await project.shipway(verify, PATIENT));
      expect(passed).toContain('Words: GET /words 200');
      expect(left()).toEqual([]);
      expect(await live()).toEqual(before);
      expect(said(0, await project.shipway(['backup', 'show', id], PATIENT))).toMatch(/proven {3}V4 \S+ ago/);
      expect(await project.publicVersion()).toBe('1.0.0');
    },
    LIMIT_MS,
  );

  test(
    'is not started where another database of the live server is named',
    async () => {
      project.write('shipway.yaml', file.replace(SCRATCH, OTHER_NUMBER));
      try {
        const ended = await project.shipway(['backup', 'verify', await newest(), '--level', '4'], PATIENT);
        expect(said(1, ended)).toContain('api would be led to the live data of "sessions" by REDIS_URL');
      } finally {
        project.write('shipway.yaml', file);
      }
    },
    LIMIT_MS,
  );
});
