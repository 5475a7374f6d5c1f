import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBackup } from '../../src/app/manage-backups.ts';
import { rehearse } from '../../src/app/rehearse.ts';
import { openApp } from '../../src/wiring/open-app.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { findPrisma, PRISMA_ENV, writePrismaProject } from '../support/prisma-project.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';

const LIMIT_MS = 300_000; // prisma is started some thirty times, which takes a second or two each
const postgres = findPostgres();
const prisma = findPrisma();
const why = ['reason' in postgres ? `needs ${postgres.reason}` : '', prisma.reason].filter((one) => one !== '');
const ENV = { ...PRISMA_ENV, DATABASE_URL: '$DATABASE_URL' };

const RELEASE_FILE = `service: shop
stores: { database: { postgres: { url: $DATABASE_URL } } }
environments:
  production:
    env-file: .env
    target: { command: { deploy: [touch, deployed], observe: [cat, version.txt] } }
    migrate:
      prisma: { command: ${JSON.stringify(prisma.command)}, env: ${JSON.stringify(ENV)} }
    rehearsal: { env: { DATABASE_URL: $SCRATCH_URL } }
`;

describe.skipIf(why.length > 0)(`a rehearsal with prisma ${why.join('; ')}`, () => {
  let server: TestPostgres;
  let project: TemporaryProject;
  let app: Awaited<ReturnType<typeof openApp>>;

  beforeAll(async () => {
    if ('reason' in postgres) return;
    server = await startPostgres(postgres.bin);
    await server.query('postgres', 'CREATE DATABASE shop');
    project = createTemporaryProject({ 'shipway.yaml': RELEASE_FILE, 'version.txt': '1.0.0' });
    project.write('.env', `DATABASE_URL='${server.url('shop').replaceAll("'", '%27')}'\n`);
    writePrismaProject(project.directory);
    app = await openApp({
      projectDirectory: project.directory,
      configPath: null,
      applicationName: 'test',
      report: () => undefined,
    });
    await createBackup(app, null);
  }, LIMIT_MS);
  afterAll(async () => {
    await app?.close();
    await project?.remove();
    await server?.stop();
  }, LIMIT_MS);

  test(
    'without a down.sql nothing goes down, and it passes with a warning: such a release may start',
    async () => {
      rmSync(join(project.directory, 'prisma/migrations/20260102000000_tag/down.sql'));
      const watching = { tell: () => undefined, signal: new AbortController().signal };
      const found = await rehearse(app, { version: '1.1.0', environment: null, store: null }, watching);
      expect(found.findings.filter((one) => one.severity === 'failure')).toEqual([]);
      expect(found.findings).toContainEqual({
        severity: 'warning',
        kind: 'no-way-down',
        sentence: 'there is no way down: only the backup takes the schema back',
      });
      expect(found.outcome).toBe('passed');
      expect(found.tookMs).not.toHaveProperty('down');
    },
    LIMIT_MS,
  );
});
