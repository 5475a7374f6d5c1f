import { expect, test } from 'vitest';
import type { StepRunRow } from '../state/release-tables.ts';
import type { JsonObject } from '../core/release/json.ts';
import { problem, type ProblemRecord } from '../core/release/problem.ts';
import { performStep, type StepRecord } from './perform-step.ts';
import type { StepContext } from './steps/step.ts';

/** What happened, in order; a schema that is to go back from revision 2 to 1 stands for the world. */
function bench(
  world: { revision: string | null; failWith?: Error },
  row: Partial<StepRunRow> & { interrupted?: boolean } = {},
) {
  const log: string[] = [];
  const { interrupted = false, ...stored } = row;
  const record: StepRecord = {
    begin: async () => {
      log.push('intent');
      const begun = { attempt: 2, state: 'started', result: null, started_at: 't', ruling: null, ...stored };
      return { row: begun as StepRunRow, interrupted };
    },
    finish: async (attempt: number, result: JsonObject) =>
      void log.push(`finished ${attempt} ${JSON.stringify(result)}`),
    fail: async (attempt: number, found: ProblemRecord) => void log.push(`failed ${attempt} ${found.kind}`),
    observed: async (what) => void log.push(`observed ${JSON.stringify(what['state'])}`),
    endLeftovers: async () => {
      log.push('leftovers ended');
      return 'was-gone';
    },
  };
  const migrator = {
    revision: async () => world.revision,
    down: async () => {
      log.push('deed');
      if (world.failWith !== undefined) throw world.failWith;
      world.revision = '1';
    },
  };
  const stop = new AbortController();
  const input = { migrate: {}, version: '1.1.0', revisionBefore: '1' };
  const step = { id: 'undo.migrate.up', kind: 'migrate-down', title: 'migrate down', limitSeconds: 5, input };
  // No backup holds files of the way down: those of the project are used.
  const tools = { adapters: { migrator: () => migrator }, memory: { resultOf: async () => null } };
  const context = {
    releaseId: 'r-1',
    step,
    plan: { stores: [] },
    effect: { signal: stop.signal },
    tools,
  } as unknown as StepContext;
  return { log, stop, run: () => performStep('undo.migrate.up', record, () => context) };
}

const DONE = '{"revision":"1"}';

test('a first attempt writes its intent, acts, and writes what came of it', async () => {
  const { log, run } = bench({ revision: '2' });
  expect(await run()).toEqual({ state: 'finished', result: { revision: '1' } });
  expect(log).toEqual(['intent', 'deed', `finished 2 ${DONE}`]);
});

test('after a crash it ends what is left, observes, and does not act when it was done', async () => {
  const { log, run } = bench({ revision: '1' }, { interrupted: true });
  await run();
  expect(log).toEqual(['intent', 'leftovers ended', 'observed "done"', `finished 2 ${DONE}`]);
});

test('after a crash before the deed it acts', async () => {
  const { log, run } = bench({ revision: '2' }, { interrupted: true });
  await run();
  expect(log).toEqual(['intent', 'leftovers ended', 'observed "half"', 'deed', `finished 2 ${DONE}`]);
});

test('what no probe can tell goes to a person, and nothing is done', async () => {
  const { log, run } = bench({ revision: null }, { interrupted: true });
  expect(await run()).toMatchObject({
    state: 'failed',
    problem: { kind: 'cannot-tell', next: expect.stringContaining('--was done|not-done') },
  });
  expect(log).not.toContain('deed');
});

test("a person's word beats the probe, either way", async () => {
  const done = bench({ revision: '2' }, { interrupted: true, ruling: 'done' });
  expect(await done.run()).toEqual({ state: 'finished', result: { saidBy: 'person' } });
  expect(done.log).not.toContain('deed');
  const notDone = bench({ revision: null }, { interrupted: true, ruling: 'not-done' });
  await notDone.run();
  expect(notDone.log).toContain('deed');
});

test('what is finished is not done again', async () => {
  const { log, run } = bench({ revision: '2' }, { state: 'finished', result: '{"answer":42}' });
  expect(await run()).toEqual({ state: 'finished', result: { answer: 42 } });
  expect(log).toEqual(['intent']);
});

test('a failure is a value with its problem, recorded under the same attempt', async () => {
  const refused = problem('refused', 'locked by r-7', { next: 'wait' });
  const { log, run } = bench({ revision: '2', failWith: refused });
  expect(await run()).toEqual({
    state: 'failed',
    problem: { kind: 'refused', message: 'locked by r-7', where: null, next: 'wait' },
  });
  expect(log.at(-1)).toBe('failed 2 refused');
});

test('a step that a person stopped is told apart from one that failed', async () => {
  const { run, stop } = bench({ revision: '2', failWith: new Error('aborted') });
  stop.abort();
  expect(await run()).toMatchObject({ state: 'stopped-by-person', problem: { kind: 'stopped' } });
});

test('a worker that was overtaken records nothing', async () => {
  const stale = problem('stale-worker', 'attempt 1 was taken over', { next: 'look' });
  const { log, run } = bench({ revision: '2', failWith: stale });
  await expect(run()).rejects.toMatchObject({ kind: 'stale-worker' });
  expect(log).toEqual(['intent', 'deed']);
});
