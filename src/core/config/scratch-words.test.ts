import { expect, test } from 'vitest';
import { sampleKinds } from '../../../test/fixtures/config/sample-kinds.ts';
import { parseReleaseFile } from './parse-release-file.ts';

const PROCESS = '{ process: { components: { api: { command: [node, main.mjs] } } } }';
const COMMAND = '{ command: { deploy: [./deploy.sh], observe: [./look.sh] } }';

const read = (scratch: string, target = PROCESS, top = '') =>
  parseReleaseFile(
    `service: shop
stores: { orders-db: { sqlite: { path: app.db } }, cache: { files: { paths: [cache] } } }
${top}
environments:
  production:
    target: ${target}
    ${scratch === '' ? '' : `scratch: ${scratch}`}
`,
    'shipway.yaml',
    sampleKinds,
  );
function configOf(...given: Parameters<typeof read>) {
  const result = read(...given);
  if ('problems' in result) throw new Error(result.problems.map((one) => one.message).join('\n'));
  return result.config;
}
const complaints = (...given: Parameters<typeof read>): string => {
  const result = read(...given);
  return 'problems' in result ? result.problems.map((one) => `${one.message}\n${one.fix}`).join('\n') : '';
};

test('what is not written has a default, and a file without scratch says nothing of it', () => {
  expect(configOf('').environments['production']).not.toHaveProperty('scratch');
  expect(configOf('{ env: { DB: $SCRATCH_ORDERS_DB_PATH } }').environments['production']?.scratch).toEqual({
    env: { DB: '$SCRATCH_ORDERS_DB_PATH' },
    components: null,
    start: null,
    without: [],
    checks: null,
  });
});

test('with another target the program is named', () => {
  expect(complaints('{ env: {} }', COMMAND)).toContain('a target of kind command starts nothing beside what runs');
  const start = '{ env: {}, start: { command: [node, main.mjs], directory: releases/$VERSION } }';
  expect(configOf(start, COMMAND).environments['production']?.scratch?.start).toEqual({
    command: ['node', 'main.mjs'],
    directory: 'releases/$VERSION',
    startWithinSeconds: 30,
  });
});

test.each([
  ['{ env: { DB: $SCRATCH_ORDERS_PATH } }', 'names $SCRATCH_ORDERS_PATH, which is the copy of no store'],
  ['{ env: {}, without: [orders] }', 'is not a store of this file'],
  ['{ env: {}, components: [ap] }', 'is not a component of the target'],
  ['{ without: [cache] }', 'env'],
])('%s is refused', (scratch, message) => {
  expect(complaints(scratch)).toContain(message);
});

test('a drill is a rhythm, or a rhythm with a level; only the fourth is written down', () => {
  expect(configOf('', PROCESS, 'backups: { drill: every 7 days }').backups).toMatchObject({ drillSeconds: 604_800 });
  expect(configOf('', PROCESS, 'backups: { drill: { every: every 7 days } }').backups).not.toHaveProperty('drillLevel');
  const backups = configOf('', PROCESS, 'backups: { drill: { every: every 1d, level: 4 } }').backups;
  expect(backups).toMatchObject({ drillSeconds: 86_400, drillLevel: 4 });
  expect(complaints('', PROCESS, 'backups: { drill: { every: every 1d, level: 2 } }')).not.toBe('');
});
