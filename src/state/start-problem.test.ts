import { expect, test } from 'vitest';
import { explainStartFailure } from './start-problem.ts';

const PREFIX = '2026-11-21 02:00:00.000 UTC [4711] ';

test.each([
  ['FATAL:  lock file "postmaster.pid" already exists', 'taken'],
  ['FATAL:  lock file "postmaster.pid" is empty', 'taken'],
  ['FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use', 'dying'],
  ['FATAL:  the database system is starting up', 'silent'],
  ['LOG:  database system was interrupted', 'silent'],
  ['', 'silent'],
])('"%s" is no trouble for a person: %s', (line, kind) => {
  expect(explainStartFailure([PREFIX + line], '/data').kind).toBe(kind);
});

test.each([
  [
    'FATAL:  could not write lock file "postmaster.pid": No space left on device',
    'the disk is full',
    /^Free space on the disk of \/data/,
  ],
  [
    'DETAIL:  The data directory was initialized by PostgreSQL version 99, which is not compatible',
    'another major version',
    /version of shipway that made/,
  ],
  ['FATAL:  could not map anonymous shared memory: Cannot allocate memory', 'shared memory', /128 MB/],
  ['FATAL:  could not create semaphores: No space left on device', 'no semaphores', /kernel\.sem/],
  [
    'postgres: error while loading shared libraries: libicuuc.so.60: cannot open shared object file',
    'do not fit this machine',
    /npm ci/,
  ],
  ['FATAL:  could not open file "global/pg_control": Permission denied', 'may not read or write', /mode 0700/],
  ['PANIC:  could not locate a valid checkpoint record at 0/1', 'damaged', /from a backup/],
  ['FATAL:  something nobody thought of', 'it ended by itself', /Read the log/],
])('"%s" is explained: %s', (line, said, next) => {
  const failure = explainStartFailure([PREFIX + line], '/data');
  if (failure.kind !== 'problem') throw new Error(failure.kind);
  expect(failure.problem.kind).toBe('database-unavailable');
  expect(failure.problem.message).toContain(said);
  expect(failure.problem.message).toContain(`\n  ${line}`); // without time and process number
  expect(failure.problem.next).toMatch(next);
});

test('the first complaint is shown even when many lines follow it', () => {
  const lines = ['initdb: error: could not write: No space left on device', 'a', 'b', 'c', 'd', 'e', 'f'];
  const failure = explainStartFailure(lines, '/data');
  expect(failure.kind === 'problem' && failure.problem.message.split('\n').slice(1)).toEqual(
    [lines[0], 'c', 'd', 'e', 'f'].map((line) => `  ${line}`),
  );
});

test('a server that somebody killed while it started is started again, whatever its children said last', () => {
  const lines = [
    'FATAL:  the database system is starting up',
    'FATAL:  terminating connection due to unexpected postmaster exit',
    'LOG:  database system was not properly shut down; automatic recovery in progress',
  ];
  expect(explainStartFailure(lines, '/data')).toEqual({ kind: 'silent' });
});
