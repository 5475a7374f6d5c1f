import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

let project: ServiceProject;

beforeAll(async () => {
  project = await createServiceProject({
    top: 'stores: { data: { files: { paths: [data] } } }\nchecklist:\n  - Machine answers: { run: [node, --version] }',
  });
  project.write('data/orders.txt', 'one\n');
  project.addVersion('1.0.0', 'healthy');
  project.addVersion('1.1.0', 'healthy');
  project.addVersion('1.2.0', 'flaps', { GOOD: '1', BAD: '1000' });
  said(0, await project.release('1.0.0'));
}, 180_000);
afterAll(() => project.remove());

interface PlannedText {
  plan: string;
  plan_digest: string;
  undo_plan: string | null;
}

/** Steps of a stored plan, in its order. */
function stepsOf(plan: string): string[] {
  const { phases } = JSON.parse(plan) as { phases: { steps: { id: string }[] }[] };
  return phases.flatMap((phase) => phase.steps.map((step) => step.id));
}

async function planOf(version: string): Promise<PlannedText> {
  const rows = await project.rows<PlannedText>(
    `select plan, plan_digest, undo_plan from shipway.release where version = $1 order by number desc limit 1`,
    [version],
  );
  return rows[0]!;
}

/** Steps in the order in which the journal saw them begin and end. */
async function journalled(version: string, type: 'step.started' | 'step.finished' | 'step.failed'): Promise<string[]> {
  const rows = await project.rows<{ entry: string }>(
    `select j.entry from shipway.journal j join shipway.release r on r.id = j.release where r.version = $1 and j.type = $2 order by j.index`,
    [version, type],
  );
  return rows.map(({ entry }) => (JSON.parse(entry) as { data: { step: string } }).data.step);
}

test('a good release carries out exactly the steps of the plan that was printed, in that order', async () => {
  const shown = JSON.parse(said(0, await project.shipway(['plan', '1.1.0', '--json']))) as {
    digest: string;
    plan: object;
  };
  said(0, await project.release('1.1.0', ['--plan', shown.digest]));
  const stored = await planOf('1.1.0');
  expect(stored.plan_digest).toBe(shown.digest);
  const planned = stepsOf(JSON.stringify(shown.plan));
  expect(planned.length).toBeGreaterThan(7);
  expect(stepsOf(stored.plan)).toEqual(planned);
  expect(await journalled('1.1.0', 'step.started')).toEqual(planned);
  expect(await journalled('1.1.0', 'step.finished')).toEqual(planned);
  const runs = await project.rows<{ step_id: string }>(
    `select step_id from shipway.step_run s join shipway.release r on r.id = s.release_id
     where r.version = '1.1.0' and s.state = 'finished' order by position`,
  );
  expect(runs.map((run) => run.step_id)).toEqual(planned);
});

test('a release is refused when the plan is no longer the one that was looked at', async () => {
  const shown = JSON.parse(said(0, await project.shipway(['plan', '1.3.0', '--json']))) as { digest: string };
  const other = await project.release('1.4.0', ['--plan', shown.digest]);
  expect(said(30, other)).toContain('the plan changed: expected');
});

test('an automatic rollback carries out exactly the undo of what was begun, in reverse, and the verification again', async () => {
  said(20, await project.release('1.2.0'));
  const { plan, undo_plan: undoPlan } = await planOf('1.2.0');
  const planned = stepsOf(plan);
  const failed = planned.indexOf('verify.checks');
  const started = await journalled('1.2.0', 'step.started');
  expect(started.slice(0, failed + 1)).toEqual(planned.slice(0, failed + 1));
  expect(await journalled('1.2.0', 'step.failed')).toEqual(['verify.checks']);
  const wayBack = stepsOf(undoPlan!);
  expect(wayBack).toEqual(['undo.deploy.traffic', 'undo.deploy.apply', 'undo.verify.checks']);
  expect(started.slice(failed + 1)).toEqual(wayBack);
  expect((await journalled('1.2.0', 'step.finished')).slice(failed)).toEqual(wayBack);
  const undone = await project.rows<{ step_id: string; state: string }>(
    `select step_id, s.state from shipway.step_run s join shipway.release r on r.id = s.release_id
     where r.version = '1.2.0' and step_id like 'undo.%' order by position`,
  );
  expect(undone).toEqual(wayBack.map((step_id) => ({ step_id, state: 'finished' })));
  expect(await project.publicVersion()).toBe('1.1.0');
});
