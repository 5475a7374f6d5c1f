import { describe, expect, test } from 'vitest';
import { completionWords } from './completion-words.ts';
import { createProgram } from './create-program.ts';

const program = createProgram('1.0.0', async () => undefined, {
  out: () => undefined,
  error: () => undefined,
  columns: () => 80,
});
const known = { environments: ['production', 'preview', 'staging'] };
const words = (...typed: string[]): string[] => completionWords(program, typed, known);

describe('the words that complete a command line', () => {
  test.each<[string[], string[]]>([
    [['rol'], ['rollback']],
    [['backup', 'pr'], ['prune']],
    [['--json', 'stat'], ['status']],
    [
      ['release', '1.0.0', '--env', 'pr'],
      ['production', 'preview'],
    ],
    [['release', '-e', 's'], ['staging']],
    [['--env', 'staging', 'rol'], ['rollback']],
    [['rollback', '--qu'], ['--quick']],
    [['completion', 'z'], ['zsh']],
    [
      ['resume', '--was', ''],
      ['done', 'not-done'],
    ],
    [['release', '1.'], []],
    [['release', '--config', 'ship'], []],
    [['nonsense', '--en'], ['--env']],
  ])('%j ends in %j', (typed, found) => {
    expect(words(...typed)).toEqual(found);
  });

  test('nothing typed offers the commands, and none that is hidden', () => {
    expect(words('')).toEqual(expect.arrayContaining(['release', 'rollback', 'backup', 'completion']));
    expect(words('')).not.toContain('complete');
  });
});
