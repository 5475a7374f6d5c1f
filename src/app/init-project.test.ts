import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseReleaseFile } from '../core/config/parse-release-file.ts';
import { kinds } from '../wiring/adapters.ts';
import type { App } from './app.ts';
import { initProject, planProject } from './init-project.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'shipway-init-'))));
afterEach(() => rmSync(folder, { recursive: true }));

async function init(): Promise<void> {
  const app = { projectDirectory: folder } as App;
  await initProject(app, await planProject(app, kinds));
}

const read = (path: string): string => readFileSync(join(folder, path), 'utf8');

describe('init', () => {
  test.each([
    ['an empty folder', null],
    ['a package', JSON.stringify({ name: '@team/Order_Service', scripts: { start: 'x', test: 'y', lint: 'z' } })],
    ['a package with a strange name', JSON.stringify({ name: '42', scripts: [] })],
    ['a broken package.json', '{'],
  ])('writes a release file that is valid as it stands, for %s', async (_what, packageJson) => {
    if (packageJson !== null) writeFileSync(join(folder, 'package.json'), packageJson);
    await init();
    const result = parseReleaseFile(read('shipway.yaml'), 'shipway.yaml', kinds);
    expect('problems' in result ? result.problems : []).toEqual([]);
    expect(JSON.parse(read('.shipway/schema.json'))).toMatchObject({ title: 'shipway release file' });
    expect(read('.gitignore')).toBe('.shipway/\n');
  });

  test('takes name and checks from package.json', async () => {
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: '@team/Order_Service', scripts: { test: 'y' } }),
    );
    await init();
    expect(read('shipway.yaml')).toContain('service: order-service\n');
    expect(read('shipway.yaml')).toContain('  - All tests pass: { run: [npm, run, test], timeout: 15m }\n');
  });

  test('keeps what .gitignore says, and adds its line once', async () => {
    writeFileSync(join(folder, '.gitignore'), 'node_modules');
    await init();
    rmSync(join(folder, 'shipway.yaml'));
    await init();
    expect(read('.gitignore')).toBe('node_modules\n.shipway/\n');
  });

  test.each(['shipway.yaml', 'shipway.yml', 'shipway.json', 'shipway.config.ts'])(
    'refuses where there is %s',
    async (name) => {
      writeFileSync(join(folder, name), 'mine');
      await expect(init()).rejects.toMatchObject({ kind: 'refused' });
      expect(read(name)).toBe('mine');
    },
  );
});
