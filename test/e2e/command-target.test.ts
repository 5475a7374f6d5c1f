import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openDatabase } from '../../src/state/open-database.ts';
import { said } from '../support/service-project.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';
import { waitUntil } from '../support/wait-until.ts';

// Every act writes one line; a file named `hold` keeps a deploy in the middle.
const DEPLOY = `import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
const [act, version] = process.argv.slice(2);
if (act === 'observe') {
  console.log(existsSync('deployed.txt') ? readFileSync('deployed.txt', 'utf8') : 'none');
} else {
  appendFileSync('acts.txt', act + ' begun ' + version + '\\n');
  while (existsSync('hold')) await pause(20);
  if (existsSync('broken-' + version)) {
    console.error('no such image: ' + version);
    process.exit(7);
  }
  writeFileSync('deployed.txt', version);
  appendFileSync('acts.txt', act + ' done ' + version + '\\n');
}
`;

const releaseFile = (repeatable: boolean): string => `service: shop
environments:
  production:
    target:
      command:
        deploy: [node, deploy.mjs, deploy, $VERSION]
        observe: [node, deploy.mjs, observe]
        revert: [node, deploy.mjs, revert, $PREVIOUS_VERSION]
        repeatable: ${String(repeatable)}
    verify:
      - Agreed: { run: [test, "!", -e, disagree-$VERSION] }
`;

let project: TemporaryProject;
afterEach(() => project.remove());

function create(repeatable: boolean): void {
  project = createTemporaryProject({ 'shipway.yaml': releaseFile(repeatable), 'deploy.mjs': DEPLOY });
}

const acts = (): string[] =>
  existsSync(join(project.directory, 'acts.txt')) ? project.read('acts.txt').trim().split('\n') : [];
const LIMIT = { limitSeconds: 60 };

test('deploys in place by command, and a failed verification brings the version before back by the revert command', async () => {
  create(true);
  said(0, await project.run(['release', '1.0.0'], LIMIT));
  said(0, await project.run(['release', '1.1.0'], LIMIT));
  expect(project.read('deployed.txt')).toBe('1.1.0');
  const back = said(0, await project.run(['rollback', '--reason', 'slow', '--dry-run'], LIMIT));
  expect(back).toContain('$ node deploy.mjs deploy 1.0.0');
  project.write('disagree-1.2.0', '');
  const printed = said(20, await project.run(['release', '1.2.0'], LIMIT));
  expect(printed).toContain('ROLLED BACK to 1.1.0');
  expect(project.read('deployed.txt')).toBe('1.1.0');
  expect(acts().slice(-4)).toEqual([
    'deploy begun 1.2.0',
    'deploy done 1.2.0',
    'revert begun 1.1.0',
    'revert done 1.1.0',
  ]);
}, 180_000);

test('a deploy command that fails says its last lines, and what it may have left half done is reverted', async () => {
  create(true);
  said(0, await project.run(['release', '1.0.0'], LIMIT));
  project.write('broken-1.1.0', '');
  const printed = said(20, await project.run(['release', '1.1.0'], LIMIT));
  expect(printed).toContain('no such image: 1.1.0');
  expect(acts().slice(-3)).toEqual(['deploy begun 1.1.0', 'revert begun 1.0.0', 'revert done 1.0.0']);
}, 180_000);

/** Kills executor and command line in the middle of the deploy, and lets a new executor look; gives back what it printed. */
async function cutShort(version: string): Promise<{ id: string; printed: string }> {
  project.write('hold', '');
  const command = project.start(['release', version], LIMIT);
  await waitUntil('the deploy to be under way', () => acts().at(-1) === `deploy begun ${version}`, {
    limitSeconds: 40,
  });
  command.kill('SIGKILL');
  await command.ended.catch(() => undefined);
  const [row] = await rows<{ pid: number; id: string }>(
    `select e.pid, s.release_id as id from shipway.executor e join shipway.step_run s on s.executor = e.id where s.step_id = 'deploy.apply' and s.state = 'started'`,
  );
  process.kill(row!.pid, 'SIGKILL');
  const printed = said(1, await project.run(['attach', row!.id], LIMIT));
  rmSync(join(project.directory, 'hold'));
  return { id: row!.id, printed };
}

async function rows<T>(sql: string): Promise<T[]> {
  const stateDirectory = join(project.directory, '.shipway');
  const database = await openDatabase({ stateDirectory, url: null, applicationName: 'test' });
  try {
    return (await database.pool.query(sql)).rows as T[];
  } finally {
    await database.close();
  }
}

test('a deploy that may not be repeated and was cut short asks a person; "was done" goes on after it', async () => {
  create(false);
  said(0, await project.run(['release', '1.0.0'], LIMIT));
  const { id, printed } = await cutShort('1.1.0');
  expect(printed).toContain('STOPPED HALF WAY at deploy.apply. HUMAN NEEDED NOW');
  expect(printed).toContain(`shipway resume ${id} --step deploy.apply --was done|not-done`);
  expect(acts().filter((act) => act === 'deploy begun 1.1.0')).toHaveLength(1);
  project.write('deployed.txt', '1.1.0');
  expect(said(0, await project.run(['resume', id, '--step', 'deploy.apply', '--was', 'done'], LIMIT))).toContain(
    'RELEASED 1.1.0',
  );
  expect(acts().filter((act) => act === 'deploy begun 1.1.0')).toHaveLength(1);
  expect(await rows('select * from shipway.release_lock')).toEqual([]);
  said(0, await project.run(['verify']));
}, 180_000);

test('"was not done" deploys again, once', async () => {
  create(false);
  said(0, await project.run(['release', '1.0.0'], LIMIT));
  const { id } = await cutShort('1.1.0');
  expect(said(0, await project.run(['resume', id, '--step', 'deploy.apply', '--was', 'not-done'], LIMIT))).toContain(
    'RELEASED 1.1.0',
  );
  expect(acts().slice(-3)).toEqual(['deploy begun 1.1.0', 'deploy begun 1.1.0', 'deploy done 1.1.0']);
  expect(readFileSync(join(project.directory, 'deployed.txt'), 'utf8')).toBe('1.1.0');
}, 180_000);

test('after it was cut short it can also be taken back', async () => {
  create(false);
  said(0, await project.run(['release', '1.0.0'], LIMIT));
  await cutShort('1.1.0');
  said(0, await project.run(['rollback', '--reason', 'too risky', '--yes'], LIMIT));
  expect(project.read('deployed.txt')).toBe('1.0.0');
  expect(await rows('select * from shipway.release_lock')).toEqual([]);
}, 180_000);
