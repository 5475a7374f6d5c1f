import { expect, test } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { openCommandCheck } from './command-check.ts';

const ask = (expectOutput: string, printed: string) =>
  openCommandCheck({
    argv: [process.execPath, '-p', JSON.stringify(printed)],
    directory: '.',
    env: {},
    expectExit: 0,
    expectOutput,
  }).measure({ VERSION: '1.2.0-rc.1' }, 10, createEffect(process.cwd()));

test('$VERSION in the expected output stands for the version and nothing else', async () => {
  expect(await ask('^$VERSION$', '1.2.0-rc.1')).toMatchObject({ outcome: 'pass' });
  expect(await ask('^${VERSION}$', '1x2.0-rc.1')).toMatchObject({
    outcome: 'fail',
    sentence: expect.stringContaining('1\\.2\\.0-rc'),
  });
});
