import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gapsOfStep, type PlannedStepView } from './gaps-of-plan.ts';
import { createMatrix, type Matrix, type Path } from './kill-matrix.ts';
import type { Victim } from './victims.ts';

// A small version of test/soak/kill-matrix.soak.ts, which dies in every gap: here, one gap of every kind of effect.
const CASES: [Path, string, Victim, 1 | 2][] = [
  ['release', 'backups.captured', 'shipway', 1],
  ['release', 'migrator.after-up', 'shipway', 1],
  ['release', 'process.started', 'shipway', 2],
  ['release', 'deploy.traffic:after-deed', 'shipway', 1],
  ['release', 'watch.version:after-round', 'shipway', 2],
  ['release', 'retire.old:after-intent', 'shipway', 1],
  ['rollback', 'undo.deploy.traffic:after-intent', 'shipway', 1],
  ['rollback', 'undo.maintenance.router:after-deed', 'shipway', 1],
  ['rollback', 'migrator.after-down', 'shipway', 1],
  ['release', 'lock.environment:after-deed', 'shipway', 1],
  ['rollback', 'environment.kept-aside', 'shipway', 2],
  ['rollback', 'undo.lock.environment:after-deed', 'shipway', 1],
  ['down', 'maintenance.router:after-deed', 'shipway', 1],
  ['down', 'data.stop:after-intent', 'shipway', 2],
  ['down', 'migrator.after-down', 'shipway', 1],
  ['down', 'data.down:after-deed', 'postgres', 1],
  ['restore', 'stores.sqlite.staged', 'shipway', 1],
  ['restore', 'data.swap:after-intent', 'shipway', 1],
  ['restore', 'data.swap:after-deed', 'shipway', 2],
  ['turned', 'undo.data.swap:after-deed', 'shipway', 1],
  ['release', 'deploy.apply:after-intent', 'postgres', 1],
  ['rollback', 'undo.deploy.apply:after-deed', 'postgres', 1],
  ['release', 'deploy.traffic:after-intent', 'router', 1],
  ['release', 'deploy.health:after-intent', 'new version', 1],
];

const CASE_LIMIT_MS = 240_000;
let matrix: Matrix;
const passed = new Map<Path, string[]>();

beforeAll(async () => {
  matrix = await createMatrix();
  for (const path of new Set(CASES.map(([way]) => way))) passed.set(path, await matrix.gapsOf(path));
}, CASE_LIMIT_MS);

afterAll(() => matrix.remove(), 60_000);

describe('the gaps', () => {
  test('every planned step, and every undo that a rollback runs, passes its named gaps', async () => {
    matrix.project.prestage('no'); // as on the way of a release; whichever way was gone last has set it
    const shown = await matrix.project.run(['plan', '1.0.999', '--json'], { environment: matrix.project.environment });
    const plan = (JSON.parse(shown.stdout) as { plan: { phases: { steps: PlannedStepView[] }[] } }).plan;
    const steps = plan.phases.flatMap((phase) => phase.steps);
    const undone = steps.filter((step) => step.undo !== null && step.kind !== 'retire-version');
    const undoGaps = undone.map((step) => ({ id: `undo.${step.id}`, kind: 'undo', undo: null })).flatMap(gapsOfStep);
    expect(steps.length).toBeGreaterThan(8);
    expect(steps.flatMap(gapsOfStep).filter((gap) => !passed.get('release')?.includes(gap))).toEqual([]);
    expect(undoGaps.filter((gap) => !passed.get('rollback')?.includes(gap))).toEqual([]);
  });

  test.each(['down', 'restore'] as const)('every step of a rollback by hand passes its named gaps: %s', async (way) => {
    const shown = await matrix.project.run(['rollback', '--data', way, '--reason', 'x', '--dry-run', '--json'], {
      environment: matrix.project.environment,
    });
    const { plan } = JSON.parse(shown.stdout) as { plan: { phases: { steps: PlannedStepView[] }[] } };
    const steps = plan.phases.flatMap((phase) => phase.steps);
    expect(steps.map((step) => step.id)).toEqual(expect.arrayContaining(['maintenance.router', 'data.stop']));
    expect(steps.flatMap(gapsOfStep).filter((gap) => !passed.get(way)?.includes(gap))).toEqual([]);
  });
});

describe('a release ends in a named state, with every effect done once and no lock left, when', () => {
  test.each(CASES)(
    'on the way of a %s, at %s, %s is killed %i time(s)',
    async (path, gap, victim, times) => {
      expect(passed.get(path)).toContain(gap);
      const row = await matrix.run(path, gap, victim, times);
      expect(row.faults).toEqual([]);
      // Whoever kills shipway or its database does not change how the release ends.
      const isForward = path === 'release' || path === 'prestaged';
      if (victim === 'shipway' || victim === 'postgres') expect(row.state).toBe(isForward ? 'stable' : 'rolled-back');
    },
    CASE_LIMIT_MS,
  );
});
