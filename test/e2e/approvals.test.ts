import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningShipway } from '../support/run-shipway.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';
import { waitUntil } from '../support/wait-until.ts';

let project: ServiceProject;
let count = 0;

beforeAll(async () => {
  project = await createServiceProject({
    environment: '    approval: { count: 1, from: [bo, cy, ana] }',
    watch: '',
  });
});
afterAll(() => project.remove());

/** Starts the next version as ana; it waits for its approval. */
async function startWaiting(args: string[] = []): Promise<{ id: string; version: string; command: RunningShipway }> {
  count += 1;
  const version = `1.${count}.0`;
  project.addVersion(version, 'healthy');
  const command = project.startRelease(version, args, { as: 'ana' });
  const id = await waitUntil(
    `${version} to wait`,
    async () => (await rowOf(version))?.state === 'waiting' && (await rowOf(version))?.id,
    {
      limitSeconds: 40,
      everyMs: 200,
    },
  );
  return { id, version, command };
}

async function rowOf(version: string): Promise<{ id: string; state: string } | undefined> {
  const rows = await project.rows<{ id: string; state: string }>(
    'select id, state from shipway.release where version = $1',
    [version],
  );
  return rows[0];
}

test('a second terminal attaches and approves while the first one waits, and both see it become stable', async () => {
  const { id, version, command } = await startWaiting();
  const second = project.startShipway(['attach', id], { as: 'bo' });
  await waitUntil('the second terminal to show what is waited for', () => /approval/.test(second.stdout()));
  expect(said(0, await project.shipway(['approve', id, '--reason', 'looks good'], { as: 'bo' }))).toContain(
    `bo approved shop ${version} to production`,
  );
  for (const ended of await Promise.all([command.ended, second.ended]))
    expect(said(0, ended)).toContain(`RELEASED ${version}`);
  expect(said(0, await project.shipway(['show', id]))).toMatch(/approved by bo .*: "looks good"/);
}, 180_000);

test('nobody approves a release of their own, nor one that does not name them; both are told who may', async () => {
  const { id, command } = await startWaiting();
  expect(said(4, await project.shipway(['approve', id], { as: 'ana' }))).toMatch(
    /ana started r-\d+ and may not approve it alone/,
  );
  const stranger = said(4, await project.shipway(['approve', id], { as: 'mallory' }));
  expect(stranger).toMatch(/mallory may not approve/);
  expect(stranger).toContain('One of these may: bo, cy, ana');
  expect((await project.rows('select * from shipway.approval where release_id = $1', [id])).length).toBe(0);
  expect(said(2, await project.shipway(['approve', id, '--reject'], { as: 'cy' }))).toContain(
    'a rejection needs a reason',
  );
  said(0, await project.shipway(['approve', id, '--reject', '--reason', 'not on a friday'], { as: 'cy' }));
  const printed = said(22, await command.ended);
  expect(printed).toContain('approval rejected by cy: "not on a friday"');
  expect(printed).toContain('Nothing was changed. production still runs 1.1.0.');
  expect(await project.publicVersion()).toBe('1.1.0');
}, 180_000);

test('a second terminal aborts while the first one waits: nothing was changed', async () => {
  const { id, command } = await startWaiting();
  said(0, await project.shipway(['abort', id, '--reason', 'wrong branch'], { as: 'bo' }));
  expect(said(22, await command.ended)).toContain('aborted by bo: wrong branch');
  expect(await project.publicVersion()).toBe('1.1.0');
  expect(await project.rows('select * from shipway.quarantine')).toEqual([]);
  const begun = await project.rows<{ step_id: string }>(
    `select step_id from shipway.step_run where release_id = $1 and attempt > 0`,
    [id],
  );
  expect(begun).toEqual([{ step_id: 'gate.approval' }]);
}, 180_000);

test('--detach leaves a waiting release with 10, and Ctrl-C leaves with 130; it goes on without them', async () => {
  count += 1;
  const version = `1.${count}.0`;
  project.addVersion(version, 'healthy');
  expect(said(10, await project.release(version, ['--detach']))).toMatch(
    /goes on in the background; return: shipway attach r-\d+/,
  );
  const { id } = (await rowOf(version))!;
  const attached = project.startShipway(['attach', id]);
  await waitUntil('the terminal to follow', () => /approval/.test(attached.stdout()));
  attached.kill('SIGINT');
  const printed = said(130, await attached.ended);
  expect(printed).toContain(`return: shipway attach ${id}`);
  expect((await rowOf(version))?.state).toBe('waiting');
  said(0, await project.shipway(['approve'], { as: 'cy' }));
  expect(said(0, await project.shipway(['attach', id]))).toContain(`RELEASED ${version}`);
  expect(await project.publicVersion()).toBe(version);
}, 180_000);

test('an approved release whose world changed while it waited is refused before it changes anything', async () => {
  const first = await startWaiting();
  const second = await startWaiting();
  said(0, await project.shipway(['approve', second.id], { as: 'bo' }));
  said(0, await second.command.ended);
  // The plan of the first one goes back to a version that no longer runs.
  said(0, await project.shipway(['approve', first.id], { as: 'bo' }));
  const printed = said(30, await first.command.ended);
  expect(printed).toContain(`${second.version} (${second.id}) runs in production now`);
  expect(printed).toContain('Nothing was changed.');
  expect(await project.publicVersion()).toBe(second.version);
  expect(await project.rows('select * from shipway.release_lock')).toEqual([]);
  said(0, await project.shipway(['verify']));
}, 180_000);

test('an approved release whose version was found bad while it waited is refused before it changes anything', async () => {
  count += 1;
  const version = `1.${count}.0`;
  const before = await project.publicVersion();
  project.addVersion(version, 'flaps', { GOOD: '1', BAD: '1000' });
  const commands = [project.startRelease(version), project.startRelease(version)];
  const ids = await waitUntil(
    'both to wait',
    async () => {
      const rows = await project.rows<{ id: string }>(
        `select id from shipway.release where version = $1 and state = 'waiting'`,
        [version],
      );
      return rows.length === 2 ? rows.map((row) => row.id) : null;
    },
    { limitSeconds: 40, everyMs: 200 },
  );
  const endings: string[] = [];
  for (const [place, code] of [20, 30].entries()) {
    said(0, await project.shipway(['approve', ids[place]!], { as: 'bo' }));
    const ended = await Promise.any(
      commands.map(async (command) => {
        const one = await command.ended;
        if (!(one.stdout + one.stderr).includes(ids[place]!)) throw new Error('the other one');
        return one;
      }),
    );
    endings.push(said(code, ended));
  }
  expect(endings[1]).toContain(`shop ${version} was put into quarantine while this release waited`);
  expect(await project.publicVersion()).toBe(before);
}, 180_000);
