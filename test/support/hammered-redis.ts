import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { startRedis, stopRedis, withClient, type Client } from './redis-project.ts';

/** Keeps writing until stopped: every round moves an amount between two accounts, adds to a list, and counts itself, all in one transaction. */
export function hammer(client: Client): { rounds(): number; stop(): Promise<void> } {
  let isOver = false;
  let rounds = 0;
  const running = (async () => {
    for (let round = 1; !isOver; round += 1) {
      const all = client
        .multi()
        .decrBy(`account:${round % 50}`, 7)
        .incrBy(`account:${(round * 31) % 50}`, 7);
      await all.rPush('rounds', String(round)).set('round', String(round)).exec();
      rounds = round;
    }
  })();
  return {
    rounds: () => rounds,
    async stop() {
      isOver = true;
      await running;
    },
  };
}

/** What is wrong with the data of a server that was written by `hammer`; null for a state between two rounds that has the acknowledged ones. */
async function judgeHammered(client: Client, acknowledged: number): Promise<string | null> {
  const round = Number(await client.get('round'));
  const accounts = await client.keys('account:*');
  const sum = (await client.mGet(accounts)).reduce((total, value) => total + Number(value), 0);
  if (round < acknowledged) return `round ${acknowledged} was acknowledged, the copy has ${round}`;
  if (sum !== 0) return `the accounts add up to ${sum}`;
  const length = await client.lLen('rounds');
  return length === round ? null : `${length} rounds are listed, ${round} were counted`;
}

/** The same of a copy, loaded by a server of its own. */
export async function judgeHammeredCopy(dump: string, program: string, acknowledged: number): Promise<string | null> {
  const other = mkdtempSync(join(tmpdir(), 'shipway-redis-judge-'));
  const port = await freePort();
  try {
    mkdirSync(join(other, 'data'));
    copyFileSync(dump, join(other, 'data/dump.rdb'));
    await startRedis(other, { program, port, configuration: ['appendonly no'] });
    return await withClient(port, (client) => judgeHammered(client, acknowledged));
  } finally {
    stopRedis(other, program);
    rmSync(other, { recursive: true });
  }
}
