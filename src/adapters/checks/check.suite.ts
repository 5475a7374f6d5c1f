import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testEffect, type TestEffect } from '../../../test/support/test-effect.ts';
import type { Json } from '../../core/release/json.ts';
import type { Outcome } from '../../core/release/outcome.ts';
import type { Check, CheckSubject } from './check.ts';
import { checkKinds } from './index.ts';
import { runCheck } from './run-check.ts';

/** What an implementation gives, so that the contract can be tried on it; settings as in a release file. */
export interface CheckCase {
  kind: keyof typeof checkKinds;
  subject(): CheckSubject;
  passing(): object;
  failing(): object;
  /** Never comes to an end by itself. */
  hanging(): object;
  /** Cannot be measured for a reason on our side. */
  unmeasurable(): object;
  /** Fails twice, then passes. */
  passingAtThirdTry(): object;
  /** Fails, and what it prints or answers holds the value of `$TOKEN`. */
  tellingSecret(): object;
}

export const SECRET = 'sentinel-Zq8wRk2x';
const LIMIT_SECONDS = 20; // far beyond what a loopback answer or a small command takes, also on a busy machine

/** The promises of a check, tried on one implementation. */
export function describeCheck(one: CheckCase): void {
  describe(`every check: ${one.kind}`, () => {
    let directory: string;
    let effect: TestEffect;
    beforeEach(() => {
      directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-check-')));
      effect = testEffect(directory, { variables: { TOKEN: SECRET, API_TOKEN: SECRET } });
    });
    afterEach(() => rmSync(directory, { recursive: true, force: true }));

    const open = (written: object): Check =>
      checkKinds[one.kind].open(checkKinds[one.kind].settings.parse(written) as Json);
    const outcomeOf = async (written: object, limitSeconds = LIMIT_SECONDS): Promise<Outcome> =>
      (await open(written).measure(one.subject(), limitSeconds, effect)).outcome;

    test('settings that were checked may be checked again', () => {
      const checked = checkKinds[one.kind].settings.parse(one.passing());
      expect(checkKinds[one.kind].settings.parse(checked)).toEqual(checked);
      expect(JSON.parse(JSON.stringify(checked))).toEqual(checked);
    });

    test('what is as expected passes, and again when asked again', async () => {
      expect(await outcomeOf(one.passing())).toBe('pass');
      expect(await outcomeOf(one.passing())).toBe('pass');
    });

    test('what is not as expected fails with the measured value in one line', async () => {
      const result = await open(one.failing()).measure(one.subject(), LIMIT_SECONDS, effect);
      expect(result.outcome).toBe('fail');
      expect(result.sentence).toMatch(/expected/);
      expect(result.sentence).not.toContain('\n');
    });

    test('what never ends fails at the limit', async () => {
      const result = await open(one.hanging()).measure(one.subject(), 0.5, effect);
      expect(result.outcome).toBe('fail');
      expect(result.sentence).toContain('0.5 s');
    });

    test('trouble on our side could not be measured', async () => {
      expect(await outcomeOf(one.unmeasurable())).toBe('could-not-measure');
    });

    test('a stopped release ends the check, and that is no failure', async () => {
      const measuring = open(one.hanging()).measure(one.subject(), LIMIT_SECONDS, effect);
      effect.abort();
      expect((await measuring).outcome).toBe('could-not-measure');
    });

    test('retries go on until it passes, and the result says which try it was', async () => {
      const named = { name: 'Ready', tries: 5, everySeconds: 0.01, timeoutSeconds: LIMIT_SECONDS };
      const result = await runCheck(named, open(one.passingAtThirdTry()), one.subject(), effect);
      expect(result.outcome).toBe('pass');
      expect(result.sentence).toContain('(try 3 of 5)');
      expect(result.measured['tries']).toBe(3);
      expect(effect.reported).toHaveLength(2);
    });

    test('retries that are used up return the reason of the last try', async () => {
      const named = { name: 'Ready', tries: 2, everySeconds: 0, timeoutSeconds: LIMIT_SECONDS };
      const result = await runCheck(named, open(one.failing()), one.subject(), effect);
      expect(result.outcome).toBe('fail');
      expect(result.sentence).toMatch(/expected.*\(try 2 of 2\)$/);
    });

    test('a stop between two tries is no failure', async () => {
      const named = { name: 'Ready', tries: 3, everySeconds: 3600, timeoutSeconds: LIMIT_SECONDS };
      const running = runCheck(named, open(one.failing()), one.subject(), { ...effect, report: () => effect.abort() });
      const result = await running;
      expect(result.outcome).toBe('could-not-measure');
      expect(result.sentence).toContain('before try 2');
    });

    test('a secret is in no sentence, no measurement and no description', async () => {
      const check = open(one.tellingSecret());
      const result = await check.measure(one.subject(), LIMIT_SECONDS, effect);
      expect(result.outcome).toBe('fail');
      expect(JSON.stringify([result, check.describe()])).not.toContain(SECRET);
    });

    test('a variable that does not exist could not be measured, and is named', async () => {
      const named = JSON.parse(JSON.stringify(one.passing()).replaceAll('$KNOWN', '$NOT_THERE')) as object;
      const result = await open(named).measure(one.subject(), LIMIT_SECONDS, effect);
      expect(result.outcome).toBe('could-not-measure');
      expect(result.sentence).toContain('NOT_THERE');
    });
  });
}
