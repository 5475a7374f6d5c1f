import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { trimOutput } from './trim-output.ts';

const LIMIT = { bytesMax: 1000, keptBytes: 200 };
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-trim-'));
  path = join(folder, 'output.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

const lines = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, at) => `line ${String(from + at).padStart(4, '0')}\n`).join('');

test('a file within its limit, or none at all, is left alone', () => {
  expect(trimOutput(path, LIMIT)).toBe(0);
  expect(existsSync(path)).toBe(false);
  writeFileSync(path, lines(0, 100));
  expect(trimOutput(path, LIMIT)).toBe(0);
  expect(readFileSync(path, 'utf8')).toBe(lines(0, 100));
});

test('a larger one keeps its end in whole lines, and says how much is gone, counted over every cut', () => {
  writeFileSync(path, lines(0, 101), { mode: 0o600 });
  const first = trimOutput(path, LIMIT);
  expect(readFileSync(path, 'utf8')).toBe(
    `[shipway: ${first} bytes before this line were left out]\n${lines(82, 101)}`,
  );
  expect(first).toBe(82 * 10);
  appendFileSync(path, lines(101, 200));
  expect(trimOutput(path, LIMIT)).toBe(181 * 10);
  expect(readFileSync(path, 'utf8')).toBe(`[shipway: 1810 bytes before this line were left out]\n${lines(181, 200)}`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(existsSync(`${path}.end`)).toBe(false);
});

test('one line that is longer than all that is kept stays cut', () => {
  writeFileSync(path, 'x'.repeat(5000));
  expect(trimOutput(path, LIMIT)).toBe(4800);
  expect(readFileSync(path, 'utf8')).toBe(`[shipway: 4800 bytes before this line were left out]\n${'x'.repeat(200)}`);
});

test('the end comes back when the cut before was killed between the cut and its writing', () => {
  const kept = `[shipway: 820 bytes before this line were left out]\n${lines(82, 101)}`;
  writeFileSync(`${path}.end`, kept);
  writeFileSync(path, lines(101, 103));
  // Somebody may be at it right now.
  trimOutput(path, LIMIT);
  expect(readFileSync(path, 'utf8')).toBe(lines(101, 103));
  utimesSync(`${path}.end`, 1, 1);
  trimOutput(path, LIMIT);
  expect(readFileSync(path, 'utf8')).toBe(`${lines(101, 103)}${kept}`);
  expect(existsSync(`${path}.end`)).toBe(false);
});

test.each([
  ['whole', lines(0, 101)],
  ['cut', `[shipway: 820 bytes before this line were left out]\n${lines(82, 103)}`],
])('nothing comes twice when the cut before was killed at another place: the file is %s', (_name, text) => {
  writeFileSync(`${path}.end`, `[shipway: 820 bytes before this line were left out]\n${lines(82, 101)}`);
  utimesSync(`${path}.end`, 1, 1);
  writeFileSync(path, text);
  trimOutput(path, { bytesMax: 5000, keptBytes: 200 });
  expect(readFileSync(path, 'utf8')).toBe(text);
  expect(existsSync(`${path}.end`)).toBe(false);
});
