import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { waitUntil } from '../../test/support/wait-until.ts';
import { compiledEntry } from './compiled-entry.ts';
import { forkProgram } from './forked-process.ts';

const ANSWERS = pathToFileURL(compiledEntry('platform/answer-parent.js')).href;

describe('a forked program', () => {
  let folder: string;
  let program: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shipway-fork-'));
    program = join(folder, 'program.mjs');
    writeFileSync(
      program,
      `import { answerParent } from '${ANSWERS}';
       let heard = () => {};
       answerParent(async (question) => {
         if (question === 'end') process.exit(3);
         if (question === 'fail') throw Object.assign(new Error('it is locked'), { code: 'SQLITE_BUSY' });
         if (question === 'environment') return Object.keys(process.env);
         if (question === 'wait') return new Promise((resolve) => (heard = resolve));
         return { question, pid: process.pid };
       }, (word) => heard(word), () => {});`,
    );
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('answers with numbers of any size and with bytes', async () => {
    const forked = forkProgram(program);
    const question = [9007199254740993n, Buffer.from([0, 255]), null, 1.5, 'text'];
    const answer = (await forked.ask(question)) as { question: unknown[] };
    expect(answer.question).toEqual(question);
    expect(Buffer.isBuffer(answer.question[1])).toBe(true);
    await forked.close();
  });

  it('gives back an error with its code, and goes on', async () => {
    const forked = forkProgram(program);
    await expect(forked.ask('fail')).rejects.toMatchObject({ message: 'it is locked', code: 'SQLITE_BUSY' });
    expect(await forked.ask('again')).toMatchObject({ question: 'again' });
    await forked.close();
  });

  it('hears a word while it works on a question', async () => {
    const forked = forkProgram(program);
    const answer = forked.ask('wait');
    forked.tell('enough');
    // Told before the question was heard, the word is lost; asked for again until it arrives.
    let isDone = false;
    void answer.then(() => (isDone = true));
    await waitUntil('the answer', () => {
      forked.tell('enough');
      return isDone;
    });
    expect(await answer).toBe('enough');
    await forked.close();
  });

  it('that ends by itself fails the question at hand and every later one', async () => {
    const forked = forkProgram(program);
    await expect(forked.ask('end')).rejects.toThrow('the forked process ended with 3');
    await expect(forked.ask('again')).rejects.toThrow('the forked process ended with 3');
    await forked.close();
  });

  it('is gone when it is closed, and knows nothing of our environment', async () => {
    const forked = forkProgram(program);
    expect(await forked.ask('environment')).toEqual(expect.not.arrayContaining(['PATH', 'HOME']));
    const { pid } = (await forked.ask('who')) as { pid: number };
    await forked.close();
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
