import { expect, test } from 'vitest';
import { sampleKinds } from '../../../test/fixtures/config/sample-kinds.ts';
import { parseReleaseFile } from './parse-release-file.ts';
import type { RehearsalConfig } from './service-config.ts';

function read(rehearsal: string, name = 'production', migrate = 'migrate: { command: { up: [up], down: [down] } }') {
  return parseReleaseFile(
    `service: shop
stores: { database: { sqlite: { path: app.db } } }
environments:
  ${name}:
    target: { command: { deploy: [./deploy.sh], observe: [./look.sh] } }
    ${migrate}
    rehearsal: ${rehearsal}
`,
    'shipway.yaml',
    sampleKinds,
  );
}

function configOf(rehearsal: string, name = 'production'): RehearsalConfig | null | undefined {
  const result = read(rehearsal, name);
  if ('problems' in result) throw new Error(result.problems.map((one) => one.message).join('\n'));
  return result.config.environments[name]?.rehearsal;
}

const complaints = (...given: Parameters<typeof read>): string => {
  const result = read(...given);
  return 'problems' in result ? result.problems.map((one) => one.message).join('\n') : '';
};

test('in production a rehearsal that is declared is required, elsewhere not, and the file may say otherwise', () => {
  const env = 'env: { DATABASE_PATH: $SCRATCH_PATH }';
  expect(configOf(`{ ${env} }`)).toEqual({
    env: { DATABASE_PATH: '$SCRATCH_PATH' },
    store: null,
    checks: [],
    limitSeconds: 600,
    stallSecondsMax: null,
    ignoreTables: [],
    required: true,
    validSeconds: null,
  });
  expect(configOf(`{ ${env} }`, 'staging')?.required).toBe(false);
  expect(configOf(`{ ${env}, required: true }`, 'staging')?.required).toBe(true);
  expect(configOf(`{ ${env}, required: false, valid for: 7d, stall-limit: 250ms }`)).toMatchObject({
    required: false,
    validSeconds: 604_800,
    stallSecondsMax: 0.25,
  });
});

test.each([
  ['{ env: { DATABASE_PATH: app.db } }', 'leads nowhere but to the live data'],
  ['{ env: { DATABASE_PATH: $SCRATCH_PATHS } }', 'leads nowhere but to the live data'],
  ['{ env: { DATABASE_PATH: $SCRATCH_PATH }, store: cache }', 'is not a store of this file'],
  ['{ env: { DATABASE_PATH: $SCRATCH_PATH }, limit: 0s }', 'is no time at all'],
])('%s is refused', (rehearsal, message) => {
  expect(complaints(rehearsal)).toContain(message);
});

test('a rehearsal without a migration is refused', () => {
  const said = complaints('{ env: { DATABASE_PATH: $SCRATCH_PATH } }', 'production', 'drain: 30s');
  expect(said).toContain('has nothing to try: the environment has no migrate');
});
