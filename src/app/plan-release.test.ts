import { expect, test } from 'vitest';
import { sampleKinds } from '../../test/fixtures/config/sample-kinds.ts';
import { describeConfigProblem } from '../core/config/config-problem.ts';
import { parseReleaseFile, parseReleaseObject } from '../core/config/parse-release-file.ts';
import type { App } from './app.ts';
import { planRelease } from './plan-release.ts';

const TARGET = { command: { deploy: ['./deploy.sh'], observe: ['./look.sh'] } };
const WATCH = { for: '10m', 'warn when': ['error rate > 1% for 8 minutes'] };
const FILE = {
  service: 'notes',
  release: { hotfix: { watch: '5m' } },
  environments: {
    production: { target: TARGET, watch: WATCH },
    'production-eu': { target: TARGET },
  },
};

/** An app with a release file and a target that plans nothing: what is looked at here is the file. */
function appWith(read: ReturnType<typeof parseReleaseFile>): App {
  if ('problems' in read) throw new Error(read.problems.map(describeConfigProblem).join('\n'));
  const adapters = {
    target: () => ({ placement: 'in-place', commandsFor: () => ({ apply: [], revert: [] }) }),
    check: () => ({ describe: () => '' }),
    components: () => [],
  };
  const app = {
    startedBy: 'person',
    releaseFile: () =>
      Promise.resolve({
        path: 'shipway.yaml',
        config: read.config,
        fingerprint: 'sha256:c',
        warnings: read.warnings.map(describeConfigProblem),
      }),
    effect: () => Promise.resolve({}),
    tools: () => Promise.resolve({ adapters, backups: { list: () => Promise.resolve([]) } }),
  };
  return app as unknown as App;
}

const pathsShown = async (app: App, environment: string): Promise<(string | undefined)[]> => {
  const request = { version: '1.0.0', environment, releaseType: 'regular', reason: null, commit: null };
  const { fileWarnings } = await planRelease(app, request, null);
  return fileWarnings.map((warning) => / ([a-z-]+\.[a-z.-]+): /.exec(warning)?.[1]);
};

test.each([
  ['with lines', parseReleaseFile(JSON.stringify(FILE), 'my shipway.json', sampleKinds)],
  ['built by a program', parseReleaseObject(FILE, 'shipway.config.ts', sampleKinds)],
])(
  'a plan shows the warnings of its environment and of the whole file, not those of other ones: %s',
  async (_, read) => {
    const app = appWith(read);
    expect(new Set(await pathsShown(app, 'production'))).toEqual(
      new Set(['environments.production.verify', 'release.hotfix.watch']),
    );
    expect(new Set(await pathsShown(app, 'production-eu'))).toEqual(
      new Set(['environments.production-eu.verify', 'release.hotfix.watch']),
    );
  },
);
