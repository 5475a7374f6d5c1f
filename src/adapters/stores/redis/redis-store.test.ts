import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { freePort } from '../../../../test/support/free-port.ts';
import {
  dataNames,
  dataRights,
  isRunning,
  redisProgram,
  settingsOf,
  startRedis,
  stopRedis,
  withClient,
} from '../../../../test/support/redis-project.ts';
import { describeStore, type StorePlace } from '../store.suite.ts';
import { redisSettings } from './settings.ts';

const ROWS: Record<string, number> = { old: 50, new: 60, newer: 70 };
const { path, reason } = redisProgram();
const program = path ?? 'redis-server';
const port = await freePort();

for (const appendonly of ['no', 'yes']) {
  const server = { program, port, configuration: [`appendonly ${appendonly}`] };
  const place: StorePlace = {
    names: dataNames,
    rights: dataRights,
    removeLive(project) {
      stopRedis(project, program);
      for (const name of readdirSync(join(project, 'data'))) rmSync(join(project, 'data', name), { recursive: true });
    },
    empty(project) {
      stopRedis(project, program);
      rmSync(project, { recursive: true });
      mkdirSync(project);
    },
  };
  describe.skipIf(path === null)(`with appendonly ${appendonly} (${reason})`, () => {
    describeStore({
      kind: 'redis',
      place,
      hasGap: true,
      settings: redisSettings.parse(settingsOf(program, port)),
      copyFile: 'dump.rdb',
      async write(project, word) {
        await startRedis(project, server);
        await withClient(port, async (client) => {
          const all = client.multi().flushAll();
          for (let n = 0; n < (ROWS[word] ?? 0); n += 1) all.set(`note:${n}`, word);
          all.rPush('list', [word, 'b', 'a']).hSet('hash', { word, size: '1' }).sAdd('set', [word, 'x']);
          all.zAdd('sorted', [{ score: 1.5, value: word }]).xAdd('stream', '1-1', { word });
          await all.exec();
        });
      },
      async read(project) {
        if (!isRunning(project)) return null;
        return withClient(port, async (client) => {
          const notes = await client.keys('note:*');
          if (notes.length === 0) return null;
          const words = new Set([...(await client.mGet(notes)), await client.hGet('hash', 'word')]);
          const [word] = words;
          if (words.size !== 1 || notes.length !== ROWS[word ?? '']) throw new Error(`mixed: ${[...words].join()}`);
          return word ?? null;
        });
      },
    });
  });
}
