import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

let project: ServiceProject;

// The version before cannot run on the new schema and there is no way down: a breach calls a person instead of going back.
beforeAll(async () => {
  project = await createServiceProject({
    environment: `    migrate: { reversible: false, command: { up: [test, -e, main-schema] } }`,
    watch: `    watch:
      for: 20s
      every: 5s
      probe: [Orders: { run: [test, -e, orders-work] }]
      roll back when: [more than 0 failed health checks in 20 seconds]`,
  });
  for (const version of ['1.0.0', '1.1.0']) project.addVersion(version, 'healthy');
  for (const file of ['main-schema', 'orders-work']) project.write(file, '');
  said(0, await project.release('1.0.0'));
}, 180_000);
afterAll(() => project.remove());

test('a watch that called a person goes on after resume, and is not stopped again by what was seen before', async () => {
  rmSync(join(project.directory, 'orders-work'));
  const printed = said(1, await project.release('1.1.0'));
  expect(printed).toMatch(/more than 0 failed health checks|failed health checks 1 > 0/);
  expect(await project.rows('select state from shipway.release where finished_at is null')).toEqual([
    { state: 'needs-human' },
  ]);
  project.write('orders-work', '');
  said(0, await project.shipway(['resume']));
  expect(await project.rows("select state from shipway.release where version = '1.1.0'")).toEqual([
    { state: 'stable' },
  ]);
  expect(await project.publicVersion()).toBe('1.1.0');
}, 180_000);
