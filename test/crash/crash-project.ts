import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.ts';
import { createTemporaryProject, type TemporaryProject } from '../support/temporary-project.ts';

const FIXTURES = join(dirname(dirname(fileURLToPath(import.meta.url))), 'fixtures', 'crash');

/** A project made for being killed: every effect in it writes one line into a recorder. */
export interface CrashProject extends TemporaryProject {
  readonly port: number;
  /** Lines that the effects wrote: `start <instance> <pid>`, `migrate-up <revision> <pid>`, `migrate-down …`. */
  effects(): string[];
  environment: Record<string, string>;
  /** Names of copies of the data that a release has let wait, or that a restore has not swapped in. */
  waiting(): string[];
  /** From the next release on a copy of the data waits, or none does. */
  prestage(how: 'yes' | 'no'): void;
}

export async function createCrashProject(): Promise<CrashProject> {
  const port = await freePort();
  const project = createTemporaryProject({ 'shipway.yaml': '' });
  const recorder = join(project.directory, 'effects.txt');
  const database = join(project.directory, 'data', 'app.db');
  const file = releaseFile(port, recorder, database);
  project.write('shipway.yaml', file);
  project.write('.env', 'RELEASE_NUMBER=0\n', 0o600);
  mkdirSync(dirname(database), { recursive: true });
  execFileSync(process.execPath, [join(FIXTURES, 'migrate.mjs'), database, 'init']);
  return {
    ...project,
    port,
    environment: { SHIPWAY_ALLOW_SPEED: '1', SHIPWAY_ACTOR: 'tester' },
    waiting: () => readdirSync(dirname(database)).filter((name) => name.startsWith('app.db.restore-')),
    prestage: (how) =>
      void project.write('shipway.yaml', how === 'no' ? file : `${file}    rollback: { prestage: true }\n`),
    effects: () => (existsSync(recorder) ? readFileSync(recorder, 'utf8').split('\n').filter(Boolean) : []),
  };
}

function releaseFile(port: number, recorder: string, database: string): string {
  const migrate = join(FIXTURES, 'migrate.mjs');
  return `service: crash
stores:
  database: { sqlite: { path: data/app.db } }
checklist:
  - Machine answers: { run: [node, --version] }
environments:
  production:
    env-file: .env
    target:
      process:
        components:
          api:
            command: [node, ${join(FIXTURES, 'service.mjs')}]
            env: { RECORDER: ${recorder} }
            health: { get: /health, expect: { status: 200, json: { version: $VERSION } } }
            start-within: 20s
            stop-within: 3s
    router: { builtin: { listen: 127.0.0.1:${port}, component: api } }
    migrate:
      command:
        up: [node, ${migrate}, ${database}, up, $VERSION]
        down: [node, ${migrate}, ${database}, down, $REVISION]
        revision: [node, ${migrate}, ${database}, revision]
        env: { RECORDER: ${recorder} }
      when: before-deploy
      compatible: false
    verify:
      - Health: { get: 'http://127.0.0.1:${port}/health', tries: 3, every: 200ms, expect: { status: 200, json: { version: $VERSION } } }
      - Work: { get: 'http://127.0.0.1:${port}/work', tries: 2, every: 200ms, expect: { status: 404 } }
    watch:
      for: 1m
      every: 20s
      probe:
        - Health: { get: 'http://127.0.0.1:${port}/health', expect: { status: 200 } }
      metrics: { scrape: /metrics, component: api }
      roll back when:
        - more than 1 failed health checks in 1 minutes
    keep-old: until-stable
    drain: 5s
`;
}
