import { expect, test } from 'vitest';
import {
  changedNames,
  changeWords,
  isSameEnvironment,
  isSameFile,
  readSnapshot,
  snapshotBytes,
  type EnvironmentSnapshot,
} from './environment-snapshot.ts';

const snapshot = (change: Partial<EnvironmentSnapshot> = {}): EnvironmentSnapshot => ({
  format: 1,
  salt: '00',
  file: { path: '.env', mode: 0o600, content: 'QT0x' },
  variables: { A: '1' },
  ...change,
});

test('the change from one file to another is told by names alone', () => {
  const changes = changedNames({ A: 'secret', B: '1', C: '1' }, { A: 'other', C: '1', D: '1' });
  expect(changeWords(changes)).toBe('A, B goes, D comes back');
  expect(changeWords(changedNames({ A: '1' }, { A: '1' }))).toBe('no value, only how it is written');
});

test('environments are the same when file and variables are, whatever the salt', () => {
  expect(isSameEnvironment(snapshot(), snapshot({ salt: '11' }))).toBe(true);
  expect(isSameEnvironment(snapshot(), snapshot({ variables: { A: '2' } }))).toBe(false);
  expect(isSameEnvironment(snapshot(), snapshot({ file: null }))).toBe(false);
  expect(isSameFile(null, null)).toBe(true);
});

test('what was written is read again, and nothing else is a snapshot', () => {
  expect(readSnapshot(snapshotBytes(snapshot()))).toEqual(snapshot());
  for (const text of ['', '{}', '{"format":2,"file":null,"variables":{}}', '{"format":1,"file":{},"variables":{}}'])
    expect(readSnapshot(Buffer.from(text))).toBeNull();
});
