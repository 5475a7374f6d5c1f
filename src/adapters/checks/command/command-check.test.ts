import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEffect } from '../../../../test/support/test-effect.ts';
import type { Json } from '../../../core/release/json.ts';
import { describeCheck } from '../check.suite.ts';
import { openCommandCheck } from './command-check.ts';
import { commandCheckSettings } from './settings.ts';

let folder = '';
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-command-check-')));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sh = (script: string): string[] => ['sh', '-c', script];

describeCheck({
  kind: 'command',
  subject: () => ({ KNOWN: 'known', COUNT: join(folder, 'count') }),
  passing: () => ({ run: ['echo', '$KNOWN'], expectOutput: '^known$' }),
  failing: () => ({ run: sh('echo not ready >&2; exit 3') }),
  hanging: () => ({ run: ['sleep', '600'] }),
  unmeasurable: () => ({ run: ['no-such-program-anywhere'] }),
  passingAtThirdTry: () => ({ run: sh('echo x >> "$COUNT"; test "$(wc -l < "$COUNT")" -ge 3') }),
  tellingSecret: () => ({ run: sh('echo "the token is $$GIVEN"; exit 1'), env: { GIVEN: '$TOKEN' } }),
});

describe('the command check', () => {
  const measure = (written: object, subject: Record<string, string> = {}) =>
    openCommandCheck(commandCheckSettings.parse(written) as unknown as Json).measure(subject, 20, testEffect(folder));

  test('a failure names the command, both exit codes and the last line it printed', async () => {
    const result = await measure({ run: sh('echo one; echo two'), expectExit: 4 });
    expect(result.sentence).toBe('sh -c echo one; echo two exited with 0, expected 4: two');
    expect(result.measured).toEqual({ exitCode: 0, signal: null, timedOut: false, output: ['one', 'two'] });
  });

  test('another exit code than 0 can be the good one', async () => {
    expect((await measure({ run: sh('exit 4'), expectExit: 4 })).outcome).toBe('pass');
  });

  test('output that does not match fails, on either stream it may match', async () => {
    expect((await measure({ run: sh('echo migrating'), expectOutput: '^done$' })).sentence).toContain(
      'nothing that matches /^done$/: migrating',
    );
    expect((await measure({ run: sh('echo done >&2'), expectOutput: '^done$' })).outcome).toBe('pass');
  });

  test('a program that is killed has failed', async () => {
    const result = await measure({ run: sh('kill -9 $$$$') });
    expect([result.outcome, result.measured['signal']]).toEqual(['fail', 'SIGKILL']);
  });

  test('a directory that is not there could not be measured', async () => {
    expect((await measure({ run: ['true'], directory: 'nowhere' })).outcome).toBe('could-not-measure');
  });

  test('variables of the subject are in the arguments and in the environment', async () => {
    expect(
      (await measure({ run: sh('test "$VERSION" = "$0"').concat('$VERSION') }, { VERSION: '1.2.3' })).outcome,
    ).toBe('pass');
  });

  test('a secret that somebody wrote into the file is masked in the sentence', async () => {
    const effect = testEffect(folder, { variables: { API_TOKEN: 'sentinel-Lm3nB8yy' } });
    const check = openCommandCheck(
      commandCheckSettings.parse({ run: ['false', 'sentinel-Lm3nB8yy'] }) as unknown as Json,
    );
    const result = await check.measure({}, 20, effect);
    expect(result.outcome).toBe('fail');
    expect(result.sentence).not.toContain('sentinel-Lm3nB8yy');
  });

  test('a secret among the arguments is refused before anything runs', async () => {
    const effect = testEffect(folder, { variables: { API_TOKEN: 'sentinel-Pq7rT4xx' } });
    const check = openCommandCheck(commandCheckSettings.parse({ run: ['echo', '$API_TOKEN'] }) as unknown as Json);
    const result = await check.measure({}, 20, effect);
    expect(result.outcome).toBe('could-not-measure');
    expect(result.sentence).toContain('process list');
  });

  test.each([
    [{}, 'exactly one command'],
    [{ run: ['a'], argv: ['b'] }, 'exactly one command'],
    [{ run: 'npm test' }, 'npm'],
    [{ run: ['a'], expectOutput: '(' }, 'not a regular expression'],
    [{ run: ['a'], expectOutptu: 'x' }, 'expectOutptu'],
  ])('settings %j are refused', (written, message) => {
    expect(commandCheckSettings.safeParse(written).error?.message).toContain(message);
  });
});
