import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { createServiceProject, said, type ServiceProject } from '../support/service-project.ts';

// Written once for both; it agrees only where its environment is the one that is meant.
const VERIFY = '      - Right place: { run: [sh, -c, \'test -e "allowed-$ENVIRONMENT"\'] }';

let project: ServiceProject;
let stagingUrl: string;

beforeAll(async () => {
  const port = await freePort();
  stagingUrl = `http://127.0.0.1:${port}`;
  project = await createServiceProject({ environment: '    after: staging', watch: '', verify: VERIFY });
  const production = project.read('shipway.yaml');
  const section = production.slice(production.indexOf('  production:'));
  const staging = section
    .replace('  production:', '  staging:')
    .replace('    after: staging\n', '')
    .replaceAll(project.url.replace('http://', ''), `127.0.0.1:${port}`);
  project.write('shipway.yaml', `${production.trimEnd()}\n${staging}`);
  for (const version of ['1.0.0', '1.1.0']) project.addVersion(version, 'healthy');
  project.addVersion('1.2.0', 'exits-at-once');
}, 60_000);
afterAll(() => project.remove());

async function versionOf(url: string): Promise<string | null> {
  const answer = await fetch(`${url}/health`, { headers: { connection: 'close' } }).catch(() => null);
  return answer === null || !answer.ok ? null : ((await answer.json()) as { version: string }).version;
}

test('one file releases into staging and then production; each has its own live version, and nobody passes staging by', async () => {
  project.write('allowed-staging', '');
  expect(said(2, await project.release('1.0.0'))).toContain('--env');
  expect(said(30, await project.release('1.0.0', ['--env', 'production']))).toContain('staging');
  expect(said(0, await project.release('1.0.0', ['--env', 'staging']))).toContain('live in staging: 1.0.0');
  expect([await versionOf(stagingUrl), await project.publicVersion()]).toEqual(['1.0.0', null]);
  project.write('allowed-production', '');
  said(0, await project.release('1.0.0', ['--env', 'production']));
  said(0, await project.release('1.1.0', ['--env', 'staging']));
  expect([await versionOf(stagingUrl), await project.publicVersion()]).toEqual(['1.1.0', '1.0.0']);
  const status = said(0, await project.shipway(['status']));
  expect(status).toMatch(/shop +production +1\.0\.0/);
  expect(status).toMatch(/shop +staging +1\.1\.0/);
}, 180_000);

test('a version that failed in staging is refused in production', async () => {
  said(20, await project.release('1.2.0', ['--env', 'staging']));
  said(30, await project.release('1.2.0', ['--env', 'production']));
  expect(await project.publicVersion()).toBe('1.0.0');
}, 180_000);
