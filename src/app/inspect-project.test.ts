import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { removeServer } from '../state/embedded-postgres.ts';
import { createRelease, moveRelease } from '../state/releases.ts';
import { openApp } from '../wiring/open-app.ts';
import { inspectProject, type Finding } from './inspect-project.ts';

// What is missing must be missing in every shell that runs these tests.
const MISSING = 'SHIPWAY_TEST_NOBODY_SETS_THIS';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-doctor-'));
  chmodSync(directory, 0o755);
});
beforeEach(() => write('shipway.yaml', releaseFile()));
afterAll(async () => {
  await removeServer(join(directory, '.shipway'));
  rmSync(directory, { recursive: true });
});

function write(path: string, text: string, mode = 0o600): void {
  rmSync(join(directory, path), { force: true });
  writeFileSync(join(directory, path), text, { mode });
}

function releaseFile(more: { top?: string; environment?: string } = {}): string {
  return `service: shop
${more.top ?? ''}
environments:
  production:
${more.environment ?? ''}
    target: { process: { components: { api: { command: [node, server.js], health: { get: /health } } } } }
    router: { builtin: { listen: 127.0.0.1:8080, component: api } }
    verify: [Public: { get: http://127.0.0.1:8080/health, expect: { status: 200 } }]
    watch: { for: 30s, every: 10s, probe: [Public: { get: http://127.0.0.1:8080/health }], roll back when: [more than 3 failed health checks in 10 minutes] }
`;
}

async function withApp<T>(act: (app: Awaited<ReturnType<typeof openApp>>) => Promise<T>): Promise<T> {
  const applicationName = 'test';
  const app = await openApp({
    projectDirectory: directory,
    configPath: null,
    applicationName,
    report: () => undefined,
  });
  try {
    return await act(app);
  } finally {
    await app.close();
  }
}

const inspect = (node = 'v20.20.0'): Promise<Finding[]> => withApp((app) => inspectProject(app, node));

/** What was found under this heading, without what is well. */
async function troubles(): Promise<Omit<Finding, 'next'>[]> {
  return (await inspect()).filter((one) => one.level !== 'ok' && one.what !== 'git' && one.what !== 'disk');
}

describe('doctor', () => {
  test('finds nothing to do in a healthy project, and looks at each thing that a release needs', async () => {
    const findings = await inspect();
    expect(findings.filter(({ level }) => level === 'fail')).toEqual([]);
    expect(findings.map(({ what }) => what)).toEqual([
      'node',
      'git',
      'disk',
      'state folder',
      'database',
      'release file',
      'variables of production',
      'router of production',
      'masking',
    ]);
    expect(await troubles()).toEqual([]);
  });

  test('a Node that is too old fails, and names the oldest that will do', async () => {
    const [node] = await inspect('v20.19.9');
    expect(node).toEqual({ level: 'fail', what: 'node', found: 'v20.19.9', next: 'Install Node 20.20 or newer.' });
  });

  test('a release file with mistakes fails with each place, and what does not depend on it is still told', async () => {
    write('shipway.yaml', 'service: shop\nenvironment: {}\n');
    const findings = await inspect();
    expect(findings.at(-1)).toMatchObject({ level: 'fail', what: 'release file' });
    expect(findings.at(-1)?.found).toContain('shipway.yaml:2:1 environment: is not a known key');
    expect(findings[0]).toMatchObject({ level: 'ok', what: 'node' });
  });

  test.each([
    ['a check', releaseFile({ top: `checklist: [Key: { run: [test, -n, $${MISSING}] }]` })],
    ['a store', releaseFile({ top: `stores: { data: { sqlite: { path: $${MISSING}/data.db } } }` })],
  ])(
    'a variable that %s names and nobody set fails by its name; what shipway sets itself is not missed',
    async (_in, file) => {
      write('shipway.yaml', file.replace('[node, server.js]', '[node, $VERSION.js]'));
      expect((await troubles()).filter(({ what }) => what !== 'backups')).toEqual([
        {
          level: 'fail',
          what: 'variables of production',
          found: `not set: ${MISSING}`,
          next: 'Set them in the environment.',
        },
      ]);
    },
  );

  test('backups that are not encrypted are a warning; for whom they are, and that nothing reads them here, is told', async () => {
    const stores = 'stores: { data: { sqlite: { path: data.db } } }';
    write('shipway.yaml', releaseFile({ top: stores }));
    expect(await troubles()).toMatchObject([
      { level: 'warn', what: 'backups', next: expect.stringContaining('keygen') as string },
    ]);
    const recipient = 'age1hry635hhy4fl7p85v4lcy6e7f6lm5u48eh0f80ghjnpl329lh4xsqktw5e';
    const keys = `backups: { encryption: { recipients: [${recipient}], identity: $${MISSING} } }`;
    write('shipway.yaml', releaseFile({ top: `${stores}\n${keys}` }));
    const found = (await inspect()).find(({ what }) => what === 'backups');
    expect(found).toMatchObject({
      level: 'ok',
      found: expect.stringMatching(/^encrypted for age1hry\S+; no identity here/) as string,
    });
    write('shipway.yaml', releaseFile({ top: `${stores}\n${keys.replace(`$${MISSING}`, 'not-there.txt')}` }));
    expect(await troubles()).toMatchObject([{ level: 'fail', what: 'backups' }]);
  });

  test('an env file that others can read is a warning with the command that mends it; one that is not there fails', async () => {
    write('shipway.yaml', releaseFile({ environment: '    env-file: production.env' }));
    write('production.env', 'API_TOKEN=long-enough-to-mask\n');
    expect(await troubles()).toEqual([]);
    chmodSync(join(directory, 'production.env'), 0o640);
    const path = join(directory, 'production.env');
    expect(await troubles()).toEqual([
      {
        level: 'warn',
        what: 'env file of production',
        found: `${path} can be read by others (mode 640)`,
        next: `chmod 600 ${path}`,
      },
    ]);
    rmSync(path);
    expect((await troubles())[0]).toMatchObject({ level: 'fail', what: 'env file of production' });
  });

  test('a release that needs a person is told from one that nobody runs, each with the command to type', async () => {
    const [stuck, abandoned] = await withApp(async (app) => {
      const { db } = await app.database();
      const begin = async (service: string): Promise<string> => {
        const id = await createRelease(db, draft(service, app.project));
        await moveRelease(db, id, { to: 'running', actor: ACTOR });
        return id;
      };
      const needsPerson = await begin('stuck');
      const cause = { kind: 'cannot-tell' as const, message: 'nobody knows', where: null, next: '' };
      await moveRelease(db, needsPerson, { to: 'needs-human', actor: ACTOR, cause });
      return [needsPerson, await begin('abandoned')];
    });
    expect(await troubles()).toEqual([
      { level: 'warn', what: 'executor', found: `nobody runs ${abandoned}`, next: `shipway resume ${abandoned}` },
      {
        level: 'warn',
        what: 'release',
        found: `${stuck} needs a person and keeps its lock`,
        next: `shipway show ${stuck}`,
      },
    ]);
  });
});

const ACTOR = { kind: 'executor' as const, id: 'e1' };

function draft(service: string, project: string): Parameters<typeof createRelease>[1] {
  return {
    project,
    service,
    environment: 'production',
    kind: 'release',
    releaseType: 'regular',
    version: '1.1.0',
    previousVersion: '1.0.0',
    plan: '{}',
    planDigest: 'sha256:0',
    requestedBy: 'ana',
    reason: null,
    speed: 1,
    steps: [],
  };
}
