import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testEffect } from '../../../test/support/test-effect.ts';
import { wayDownOf, type WayDown } from './way-down.ts';

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'shipway-way-down-'));
  mkdirSync(join(project, 'db/versions/__pycache__'), { recursive: true });
  writeFileSync(join(project, 'db/versions/r2.py'), 'two');
  writeFileSync(join(project, 'db/versions/r1.py'), 'one');
  writeFileSync(join(project, 'db/versions/__pycache__/r1.pyc'), '');
  writeFileSync(join(project, 'alembic.ini'), '');
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const look = (...paths: string[]): Promise<WayDown> =>
  wayDownOf(
    'r2',
    paths.map((path) => join(project, path)),
    testEffect(project),
  );

test('files and everything below folders are told, what is compiled from them is not', async () => {
  expect(await look('db/versions', 'alembic.ini', 'db')).toEqual({
    goesTo: 'r2',
    files: ['alembic.ini', 'db/versions/r1.py', 'db/versions/r2.py'],
    notStored: null,
  });
});

test.each([
  ['that is not there', ['db', 'nowhere'], 'nowhere is not there'],
  ['outside of the project', ['../elsewhere'], 'is not inside the project'],
  ['that is the whole project', ['.'], 'is not inside the project'],
  ['that is a link', ['link'], 'link is neither a file nor a folder'],
  ['without a file', ['db/empty'], 'there are none'],
])('a path %s is no guess: nothing is kept, and why', async (_, paths, why) => {
  symlinkSync('db', join(project, 'link'));
  mkdirSync(join(project, 'db/empty'), { recursive: true });
  const way = await look(...paths);
  expect(way).toMatchObject({ goesTo: 'r2', files: [] });
  expect(way.notStored).toContain(why);
});
