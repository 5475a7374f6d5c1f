import { expect, test } from 'vitest';
import { realClock } from '../platform/clock.ts';
import { createLog } from '../platform/log.ts';
import { askAgain } from './ask-again.ts';

const clock = { ...realClock, sleep: async () => undefined };
const executor = { clock, log: createLog(null, 'silent'), lost: new AbortController().signal };

function failing(times: number, code: string) {
  let asked = 0;
  const ask = async (): Promise<string> => {
    asked += 1;
    if (asked <= times) throw Object.assign(new Error('read failed'), { code });
    return 'answer';
  };
  return { ask, asked: () => asked };
}

test('a read whose connection broke is done again', async () => {
  expect(await askAgain(failing(3, 'ECONNRESET').ask, executor)).toBe('answer');
});

test('a read that is wrong in itself is not', async () => {
  const wrong = failing(1, '42P01');
  await expect(askAgain(wrong.ask, executor)).rejects.toThrow('read failed');
  expect(wrong.asked()).toBe(1);
});

test('it gives up after a minute of broken connections', async () => {
  const gone = failing(1000, 'ECONNRESET');
  await expect(askAgain(gone.ask, executor)).rejects.toThrow('read failed');
  expect(gone.asked()).toBe(60);
});

test('an executor that has lost its database does not ask again', async () => {
  const gone = failing(1, 'ECONNRESET');
  await expect(askAgain(gone.ask, { ...executor, lost: AbortSignal.abort() })).rejects.toThrow('read failed');
  expect(gone.asked()).toBe(1);
});
