import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { acceptLoss } from '../support/accept-loss.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

let project: ServiceProject;
const BACK = ['rollback', '--yes', '--reason', 'orders fail'];

beforeAll(async () => {
  project = await createServiceProject({
    top: 'stores: { data: { files: { paths: [data] } } }',
    watch: '',
    verify: '      - Agreed: { run: [test, "!", -e, disagree-$VERSION] }',
  });
  project.write('data/orders.txt', 'one\n');
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) project.addVersion(version, 'healthy');
  project.addVersion('1.9.0', 'exits-at-once');
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) said(0, await project.release(version));
  said(20, await project.release('1.9.0'));
}, 180_000);
afterAll(() => project.remove());

async function releaseAgain(version: string): Promise<void> {
  said(0, await project.shipway(['unlock', 'shop', '--version', version, '--reason', 'test', '--yes']));
  said(0, await project.release(version));
}

test('a rollback to a version that was never stable is refused with the ones that were', async () => {
  const printed = said(30, await project.shipway([...BACK, '--to', '1.9.0']));
  expect(printed).toContain('1.9.0 was never stable in production');
  expect(printed).toContain('Choose one of: 1.2.0, 1.1.0, 1.0.0');
  expect(await project.publicVersion()).toBe('1.2.0');
});

test('without an answer nothing is rolled back', async () => {
  said(3, await project.shipway(['rollback', '--reason', 'x']));
  expect(await project.publicVersion()).toBe('1.2.0');
});

test('a quick rollback brings back the version before, leaves the data, and fences the bad version', async () => {
  project.write('data/orders.txt', 'one\ntwo\n');
  const printed = said(0, await project.shipway(BACK));
  expect(printed).toContain('ROLLED BACK to 1.1.0');
  expect(printed).toContain('live in production: 1.1.0');
  expect(await project.publicVersion()).toBe('1.1.0');
  expect(project.read('data/orders.txt')).toBe('one\ntwo\n');
  expect(said(30, await project.release('1.2.0'))).toContain('shop 1.2.0 is in quarantine');
  expect(await project.rows('select * from shipway.release_lock')).toEqual([]);
}, 180_000);

test('--to goes back to an older stable version', async () => {
  said(0, await project.shipway([...BACK, '--to', '1.0.0']));
  expect(await project.publicVersion()).toBe('1.0.0');
}, 180_000);

test('--data restore brings back the data of the backup taken before the version that runs; what it replaces is kept', async () => {
  project.write('data/orders.txt', 'one\ntwo\n');
  await releaseAgain('1.1.0');
  project.write('data/orders.txt', 'spoilt\n');
  project.write('data/junk.txt', 'made by the bad version\n');
  // What would be lost is counted and shown before anybody is asked.
  const { asked, ended } = await acceptLoss(project, ['rollback', '--data', 'restore', '--reason', 'orders fail']);
  expect(asked).toContain('  data files: 1 in the backup, 2 now\n');
  expect(asked).not.toContain('links');
  expect(asked).toContain('--yes does not answer this: data is lost');
  const printed = said(0, ended);
  expect(printed).toContain('ROLLED BACK to 1.0.0');
  expect(await project.publicVersion()).toBe('1.0.0');
  expect(project.read('data/orders.txt')).toBe('one\ntwo\n');
  expect(readdirSync(join(project.directory, 'data'))).toEqual(['orders.txt']);
  expect(keptTexts(project.directory)).toContain('spoilt\n');
  const { backups } = JSON.parse(said(0, await project.shipway(['backup', 'list', '--json']))) as {
    backups: { reason: string }[];
  };
  expect(backups[0]?.reason).toBe('pre-rollback');
  said(0, await project.shipway(['backup', 'verify']));
}, 180_000);

test('--full leaves the data where no schema stands in the way, and keeps a backup of it all the same', async () => {
  await releaseAgain('1.1.0');
  project.write('data/orders.txt', 'three\n');
  const printed = said(0, await project.shipway([...BACK, '--full']));
  expect(printed).toContain('data: stays as it is');
  expect(printed).toMatch(/instead: --data down +not possible: the release file has no migrate/);
  expect(printed).toMatch(/^time: .*quick rollback .* of 5m$/m);
  expect(project.read('data/orders.txt')).toBe('three\n');
  const { backups } = JSON.parse(said(0, await project.shipway(['backup', 'list', '--json']))) as {
    backups: { reason: string }[];
  };
  expect(backups[0]?.reason).toBe('pre-rollback');
}, 180_000);

/** Contents of every orders.txt below the project: the live one and the ones kept aside. */
function keptTexts(directory: string): string[] {
  return (readdirSync(directory, { recursive: true }) as string[])
    .filter((path) => path.endsWith('orders.txt') && !path.includes('postgres'))
    .map((path) => readFileSync(join(directory, path), 'utf8'));
}

test('when the older version does not verify, a person is called with the state of each part; after mending, resume ends it', async () => {
  await releaseAgain('1.1.0');
  project.write('disagree-1.0.0', '');
  const printed = said(21, await project.shipway(BACK));
  expect(printed).toContain('ROLLBACK FAILED at verify.checks. HUMAN NEEDED NOW');
  expect(printed).toMatch(/done +deploy\.traffic/);
  expect(printed).toMatch(/FAILED +verify\.checks/);
  expect(printed).toMatch(/not begun +retire\.old/);
  const id = /resume (r-\d+)/.exec(printed)?.[1] ?? '';
  expect(printed).toContain(`shipway show ${id}`);
  // It keeps its lock: nobody else may act until a person has looked.
  expect(said(30, await project.release('1.2.0'))).toContain(`locked by ${id}`);
  rmSync(join(project.directory, 'disagree-1.0.0'));
  expect(said(0, await project.shipway(['resume', id]))).toContain('ROLLED BACK to 1.0.0');
  expect(await project.publicVersion()).toBe('1.0.0');
  expect(await project.rows('select * from shipway.release_lock')).toEqual([]);
  said(0, await project.shipway(['verify']));
}, 180_000);

test('when the way back of a failed release does not verify, it ends with 21 and goes on after mending', async () => {
  project.addVersion('1.3.0', 'healthy');
  project.write('disagree-1.3.0', '');
  project.write('disagree-1.0.0', '');
  const printed = said(21, await project.release('1.3.0'));
  expect(printed).toContain('ROLLBACK FAILED at undo.verify.checks');
  expect(printed).toMatch(/done +undo\.deploy\.apply/);
  expect(await project.publicVersion()).toBe('1.0.0');
  rmSync(join(project.directory, 'disagree-1.0.0'));
  const id = /resume (r-\d+)/.exec(printed)?.[1] ?? '';
  expect(said(20, await project.shipway(['resume', id]))).toContain('ROLLED BACK to 1.0.0');
  expect(await project.rows(`select 1 from shipway.quarantine where version = '1.3.0'`)).toHaveLength(1);
}, 180_000);
