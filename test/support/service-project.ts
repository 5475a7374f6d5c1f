import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openDatabase, type Database } from '../../src/state/open-database.ts';
import { freePort } from './free-port.ts';
import type { Ended, RunOptions, RunningShipway } from './run-shipway.ts';
import { createTemporaryProject, type TemporaryProject } from './temporary-project.ts';

const SERVICES = join(dirname(dirname(fileURLToPath(import.meta.url))), 'fixtures', 'services');
const LIMIT_SECONDS = 90; // a release takes about three seconds; the rest is for a busy machine

export interface ServiceOptions {
  /** Lines of YAML below the environment `production`, indented by four spaces; they stand beside what is always there. */
  environment?: string;
  /** Lines of YAML at the top level. */
  top?: string;
  /** Lines below the component `api`, indented by twelve spaces. */
  component?: string;
  /** Default: three rounds, half a second at the speed of these tests. */
  watch?: string;
  /** Default: one check that the public address answers with the new version. */
  verify?: string;
  /** Default: the question for /health. */
  health?: string;
}

type Options = Partial<Omit<RunOptions, 'directory'>> & { /** Who acts; default ana. */ as?: string };

/** A project with one HTTP service behind the builtin router, whose versions behave as a test wants. */
export interface ServiceProject extends TemporaryProject {
  readonly port: number;
  readonly url: string;
  /** Makes a version that runs this file of test/fixtures/services, with these variables. */
  addVersion(version: string, fixture: string, environment?: Record<string, string>): void;
  shipway(args: string[], options?: Options): Promise<Ended>;
  startShipway(args: string[], options?: Options): RunningShipway;
  /** `release VERSION` at the speed of these tests. */
  release(version: string, args?: string[], options?: Options): Promise<Ended>;
  startRelease(version: string, args?: string[], options?: Options): RunningShipway;
  /** Rows of our own memory. */
  rows<T>(sql: string, values?: unknown[]): Promise<T[]>;
  memory<T>(ask: (database: Database) => Promise<T>): Promise<T>;
  /** The version that answers through the public port; null when nobody does. */
  publicVersion(): Promise<string | null>;
}

const SPEED = '60';

export async function createServiceProject(options: ServiceOptions = {}): Promise<ServiceProject> {
  const port = await freePort();
  const project = createTemporaryProject({ 'shipway.yaml': releaseFile(port, options) });
  const url = `http://127.0.0.1:${port}`;
  const complete = ({ as, environment, ...rest }: Options = {}) => ({
    limitSeconds: LIMIT_SECONDS,
    ...rest,
    environment: { SHIPWAY_ALLOW_SPEED: '1', SHIPWAY_ACTOR: as ?? 'ana', ...environment },
  });
  const memory = async <T>(ask: (database: Database) => Promise<T>): Promise<T> => {
    const stateDirectory = join(project.directory, '.shipway');
    const database = await openDatabase({ stateDirectory, url: null, applicationName: 'test' });
    try {
      return await ask(database);
    } finally {
      await database.close();
    }
  };
  return {
    ...project,
    port,
    url,
    addVersion(version, fixture, environment = {}) {
      const lines = Object.entries(environment).map(
        ([name, value]) => `process.env[${JSON.stringify(name)}] = ${JSON.stringify(value)};`,
      );
      const file = pathToFileURL(join(SERVICES, `${fixture}.mjs`)).href;
      project.write(`releases/${version}/main.mjs`, `${lines.join('\n')}\nawait import('${file}');\n`);
    },
    shipway: (args, given) => project.run(args, complete(given)),
    startShipway: (args, given) => project.start(args, complete(given)),
    release: (version, args = [], given) =>
      project.run(['release', version, '--speed', SPEED, ...args], complete(given)),
    startRelease: (version, args = [], given) =>
      project.start(['release', version, '--speed', SPEED, ...args], complete(given)),
    memory,
    rows: <T>(sql: string, values: unknown[] = []) =>
      memory(async ({ pool }) => (await pool.query(sql, values)).rows as T[]),
    publicVersion: async () => askVersion(url),
  };
}

async function askVersion(url: string): Promise<string | null> {
  try {
    const answer = await fetch(`${url}/health`, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(5000),
    });
    return answer.ok ? ((await answer.json()) as { version: string }).version : null;
  } catch {
    return null;
  }
}

function releaseFile(port: number, options: ServiceOptions): string {
  const health = options.health ?? '{ get: /health, expect: { status: 200, json: { version: $VERSION } } }';
  return `service: shop
${options.top ?? ''}
environments:
  production:
    target:
      process:
        components:
          api:
            command: [node, main.mjs]
            directory: releases/$VERSION
            health: ${health}
            start-within: 5s
            stop-within: 1s
${options.component ?? ''}
    router: { builtin: { listen: 127.0.0.1:${port}, component: api } }
    verify:
${options.verify ?? `      - Public: { get: 'http://127.0.0.1:${port}/health', timeout: 2s, expect: { status: 200, json: { version: $VERSION } } }`}
${options.watch ?? watchLines(port, '20s', '10s')}
    drain: 2s
${options.environment ?? ''}
`;
}

/** Gives back what the command printed on both streams; fails, showing it, unless it ended with this code. */
export function said(code: number, ended: Ended): string {
  const printed = ended.stdout + ended.stderr;
  if (ended.exitCode === code) return printed;
  throw new Error(`exit code ${ended.exitCode ?? ended.signal}, expected ${code}; it printed:\n${printed}`);
}

/** A watch with one probe through the public port. */
export function watchLines(port: number | string, length: string, every: string): string {
  return `    watch:
      for: ${length}
      every: ${every}
      probe:
        - Health: { get: 'http://127.0.0.1:${port}/health', timeout: 2s, expect: { status: 200 } }
      roll back when: [more than 1 failed health checks in 1 minutes]`;
}
