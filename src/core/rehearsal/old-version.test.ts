import { expect, test } from 'vitest';
import { hasParameters, judgeTries, summarize, unfitStatement, type StatementTry } from './old-version.ts';

const good = (ms = 1): StatementTry => ({ ms, fault: null });
const bad = (message: string): StatementTry => ({ ms: 1, fault: { kind: 'missing', message } });
const text = 'SELECT email\nFROM users';

test('a statement that works before, meanwhile and after says nothing', () => {
  expect(judgeTries({ text, before: [good()], during: [good()], after: [good()] }, null)).toEqual([]);
});

test('one that fails after up is a failure with the statement, what the database said, and the safe way', () => {
  const [finding] = judgeTries({ text, before: [good()], during: [], after: [bad('no column email')] }, null);
  expect(finding).toMatchObject({ severity: 'failure', kind: 'old-breaks' });
  expect(finding?.sentence.split('\n')).toEqual([
    'SELECT email FROM users',
    'fails after up: no column email',
    expect.stringMatching(/^safe way: add the new name beside the old one/),
  ]);
});

test('one that fails only while up ran is a failure that says how often', () => {
  const during = [good(), bad('deadlock detected'), good()];
  const [finding] = judgeTries({ text, before: [good()], during, after: [good()] }, null);
  expect(finding?.sentence).toContain('failed 1 of 3 times while up ran, and works after it: deadlock detected');
});

test('one that fails before the migration tells nothing about it', () => {
  const [finding] = judgeTries({ text, before: [bad('no table')], during: [], after: [bad('no table')] }, null);
  expect(finding).toMatchObject({ severity: 'unknown', kind: 'old-unknown' });
});

test.each([
  [null, 1300, 'warning'],
  [1, 1300, 'failure'],
  [2, 1300, null],
  [null, 200, null],
])('with a limit of %s s a wait of %d ms is %s', (limit, ms, severity) => {
  const found = judgeTries({ text, before: [good(10)], during: [good(5), good(ms)], after: [good()] }, limit);
  expect(found.map((one) => one.severity)).toEqual(severity === null ? [] : [severity]);
});

test('a stall is what a try took beyond what it took before; without tries meanwhile there is none to tell', () => {
  const tries = { text, before: [good(40), good(10)], after: [good()] };
  expect(summarize({ ...tries, during: [good(500)] })).toMatchObject({ stallMs: 460, during: 1, failed: 0 });
  expect(summarize({ ...tries, during: null }).stallMs).toBeNull();
});

test('what would end the transaction of a try is no statement, and $1 needs values that nobody has', () => {
  expect(unfitStatement('commit')).not.toBeNull();
  expect(unfitStatement('SELECT 1')).toBeNull();
  expect(hasParameters('SELECT * FROM a WHERE b = $1')).toBe(true);
  expect(hasParameters("SELECT '$1'")).toBe(false);
});
