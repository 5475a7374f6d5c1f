import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { routerProcesses } from '../../src/adapters/routers/builtin/admin-client.ts';
import type { Router } from '../../src/adapters/routers/router.ts';
import { startSampleApp, type SampleApp } from '../../src/adapters/routers/sample-app.suite.ts';
import { checkKinds } from '../../src/adapters/checks/index.ts';
import type { NamedCheck, WatchConfig } from '../../src/core/config/service-config.ts';
import type { Plan } from '../../src/core/plan/plan.ts';
import type { LoadedRelease } from '../../src/engine/loaded-release.ts';
import { runChecksStep } from '../../src/engine/steps/run-checks.ts';
import type { StepContext } from '../../src/engine/steps/step.ts';
import { takeSample } from '../../src/engine/take-sample.ts';
import { adapters } from '../../src/wiring/adapters.ts';
import { freePort } from '../support/free-port.ts';
import { testEffect, type TestEffect } from '../support/test-effect.ts';
import { waitUntil } from '../support/wait-until.ts';

// A router that runs, leads to a service, and is then killed whole: users meet a refused connection.
let folder: string;
let effect: TestEffect;
let app: SampleApp;
let plan: Plan;
let router: Router;
let publicHealth: NamedCheck;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-router-back-'));
  effect = testEffect(folder);
  app = await startSampleApp('green');
  const port = await freePort();
  plan = {
    service: 'shop',
    environment: 'production',
    version: { number: '1.1.0', commit: null },
    previous: null,
    target: { kind: 'process', settings: { components: [] } },
    router: { kind: 'builtin', settings: { listen: { host: '127.0.0.1', port }, component: 'api' } },
  } as unknown as Plan;
  router = openRouter();
  await router.ensureRunning(effect);
  await router.put({ generation: 1, slots: [app.slot(100)] }, effect);
  publicHealth = {
    name: 'Health',
    kind: 'http',
    settings: checkKinds.http?.settings.parse({ get: `http://127.0.0.1:${port}/` }) as NamedCheck['settings'],
    tries: 1,
    everySeconds: 0,
    timeoutSeconds: 5,
  };
  await waitUntil('the router to be dead', () => {
    const pids = routerProcesses(join(effect.stateDirectory, 'routers', 'shop.production'));
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    return pids.length === 0;
  });
});

afterEach(async () => {
  await router.stop(effect);
  await app.kill();
  rmSync(folder, { recursive: true, force: true });
});

function openRouter(): Router {
  const found = adapters.router(plan);
  if (found === null) throw new Error('the plan has no router');
  return found;
}

function contextOf(stepId: string): StepContext {
  const step = { id: stepId, input: { checks: [publicHealth] } };
  return { plan, releaseId: 'r-0001', step, effect, tools: { adapters } } as unknown as StepContext;
}

const watch: WatchConfig = {
  watchSeconds: 60,
  everySeconds: 10,
  probes: [],
  metrics: null,
  criteria: [],
  releaseWindow: null,
};
const release = (): LoadedRelease => ({ plan, row: { id: 'r-0001' } }) as unknown as LoadedRelease;

test.each(['verify.checks', 'undo.verify.checks'])(
  'a router that was killed is brought back, with its traffic, before %s asks through it',
  async (stepId) => {
    await expect(runChecksStep.act(contextOf(stepId))).resolves.toMatchObject({ checks: [{ outcome: 'pass' }] });
    expect(app.seen).toEqual(['GET /']);
  },
);

test('the checklist before a release starts no router', async () => {
  await expect(runChecksStep.act(contextOf('prepare.checklist'))).rejects.toMatchObject({ where: expect.any(String) });
  expect(await router.observe(effect)).toBeNull();
});

test('a router that was killed is brought back, with its traffic, before the probes of a watch round', async () => {
  const sample = await takeSample(adapters, release(), { ...watch, probes: [publicHealth] }, { effect, atSeconds: 10 });
  expect(sample.probes).toMatchObject([{ name: 'Health', outcome: 'pass' }]);
  expect(app.seen).toEqual(['GET /']);
});

test('a router that cannot be brought back fails no round: the probes tell what users meet', async () => {
  const taken = {
    ...plan,
    router: { kind: 'builtin', settings: { listen: { host: '127.0.0.1', port: app.port }, component: 'api' } },
  };
  const broken = { ...release(), plan: taken as unknown as Plan };
  const sample = await takeSample(adapters, broken, { ...watch, probes: [publicHealth] }, { effect, atSeconds: 10 });
  expect(sample.probes).toMatchObject([{ name: 'Health' }]);
  expect(sample.probes[0]?.outcome).not.toBe('pass');
  expect(effect.reported.join('\n')).toContain('the router is not running: port ');
});
