import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';
import { waitUntil } from '../support/wait-until.ts';

const BUSY = { limitSeconds: 60, everyMs: 200 }; // two first releases at once start a database, on a machine that may be busy

let empty: TemporaryProject;
let project: ServiceProject;

beforeAll(async () => {
  empty = createTemporaryProject();
  project = await createServiceProject({
    top: 'checklist:\n  - May begin: { run: [test, -e, begin], tries: 600, every: 100ms }',
    watch: '',
  });
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) project.addVersion(version, 'healthy');
});
afterAll(async () => {
  await empty.remove();
  await project.remove();
});

test.each([
  ['where there is no release file', ['release', '1.0.0'], () => empty],
  ['of something that is no version', ['release', 'latest'], () => project],
  ['to an environment that is not declared', ['release', '1.0.0', '--env', 'nowhere'], () => project],
  ['of a type that is not declared', ['release', '1.0.0', '--type', 'odd'], () => project],
])('a release %s ends with 2 and leaves no memory behind', async (_what, args, where) => {
  said(2, await where().run(args));
  expect(existsSync(join(where().directory, '.shipway'))).toBe(false);
});

test('a folder in place of the release file is told as that', async () => {
  mkdirSync(join(empty.directory, 'shipway.yaml'));
  const ran = await empty.run(['plan', '1.0.0', '--json']);
  expect(ran).toMatchObject({ exitCode: 2, stderr: '' });
  expect(JSON.parse(ran.stdout)).toMatchObject({
    error: {
      kind: 'config-missing',
      message: `${join(empty.directory, 'shipway.yaml')} is a folder, not a release file`,
    },
  });
});

test('--detach is 0 only for a release that got the lock; whoever comes second is refused with 30 and who has it', async () => {
  const both = ['1.0.0', '1.1.0'].map((version) => project.startRelease(version, ['--detach']));
  // Both are past the first look at the lock; from here on it decides.
  await waitUntil(
    'both to run their checklist',
    async () => {
      const rows = await project.rows(`select 1 from shipway.step_run where kind = 'run-checks' and state = 'started'`);
      return rows.length === 2;
    },
    BUSY,
  );
  project.write('begin', '');
  const ended = await Promise.all(both.map((one) => one.ended));
  expect(new Set(ended.map(({ exitCode }) => exitCode)), JSON.stringify(ended)).toEqual(new Set([0, 30]));
  const refused = ended.find(({ exitCode }) => exitCode === 30);
  expect(refused?.stdout).toMatch(/shop production is locked by r-\d{4} of ana/);
  expect(refused?.stdout).not.toContain('goes on in the background');
}, 120_000);

async function isNothingUnderWay(): Promise<boolean> {
  return (await project.rows('select 1 from shipway.release where finished_at is null')).length === 0;
}

test('Ctrl-C on a followed release with --json ends with 130 and a last event that says so', async () => {
  await waitUntil('the release before to be over', isNothingUnderWay, BUSY);
  rmSync(join(project.directory, 'begin'));
  const going = project.startRelease('1.2.0', ['--json']);
  await waitUntil('it to be followed', () => going.stdout().includes('"event":"release"'), BUSY);
  going.kill('SIGINT');
  const ended = await going.ended;
  expect(ended.exitCode).toBe(130);
  const events = ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string });
  expect(events.at(-1)).toMatchObject({ event: 'detached', exitCode: 130 });
}, 120_000);

test('a reader that goes away detaches with 130, which is not the 0 of a release that is done', async () => {
  const program = fileURLToPath(new URL('../../bin/shipway.js', import.meta.url));
  const child = project.spawn([process.execPath, program, 'attach'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  await once(child.stdout!, 'data');
  child.stdout!.destroy();
  project.write('begin', '');
  expect(await ended).toEqual([130, null]);
  await waitUntil('the release to end without anybody', isNothingUnderWay, BUSY);
  expect(await project.publicVersion()).toBe('1.2.0');
}, 120_000);
