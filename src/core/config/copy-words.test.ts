import { expect, test } from 'vitest';
import { sampleKinds } from '../../../test/fixtures/config/sample-kinds.ts';
import { parseReleaseFile } from './parse-release-file.ts';
import type { CopyPlace } from './service-config.ts';

const ENCRYPTION = 'encryption: { recipients: [age1hry635hhy4fl7p85v4lcy6e7f6lm5u48eh0f80ghjnpl329lh4xsqktw5e] }';

function read(copies: string, encryption = ENCRYPTION) {
  return parseReleaseFile(
    `service: shop
backups:
  ${encryption}
  copies: ${copies}
environments:
  production:
    target: { command: { deploy: [./deploy.sh], observe: [./look.sh] } }
`,
    'shipway.yaml',
    sampleKinds,
  );
}

function copiesOf(...given: Parameters<typeof read>): CopyPlace[] | undefined {
  const result = read(...given);
  if ('problems' in result) throw new Error(result.problems.map((one) => one.message).join('\n'));
  return result.config.backups.copies;
}

const complaints = (...given: Parameters<typeof read>): string => {
  const result = read(...given);
  return 'problems' in result ? result.problems.map((one) => `${one.path}: ${one.message}`).join('\n') : '';
};

test('a place is called by its kind, only warns, and has an hour, unless the file says otherwise', () => {
  expect(copiesOf('[{ directory: /mnt/a }]')).toEqual([
    {
      name: 'directory',
      kind: 'directory',
      settings: '/mnt/a',
      required: false,
      unencrypted: false,
      limitSeconds: 3600,
    },
  ]);
  const written = '[{ box: { host: b }, name: offsite, required: true, unencrypted: true, limit: 2h }]';
  expect(copiesOf(written, 'directory: .shipway/backups')).toEqual([
    {
      name: 'offsite',
      kind: 'box',
      settings: { host: 'b' },
      required: true,
      unencrypted: true,
      limitSeconds: 7200,
    },
  ]);
});

test('two places have two names', () => {
  expect(complaints('[{ directory: /a }, { directory: /b }]')).toBe(
    'backups.copies[1]: is a second place called "directory"',
  );
  expect(complaints('[{ directory: /a }, { directory: /b, name: other }]')).toBe('');
});

test('a place that would get backups which nobody encrypted is refused unless it says that it may', () => {
  const open = 'directory: .shipway/backups';
  expect(complaints('[{ directory: /a }, { box: { host: b }, unencrypted: true }]', open)).toBe(
    'backups.copies[0]: would be sent backups that are not encrypted, which whoever can read the place can read',
  );
});

test.each([
  ['[]', 'is empty'],
  ['[{ tape: {} }]', 'is not a known kind of place for copies'],
  ['[{ directory: /a, limit: 0s }]', 'is no time at all'],
  ['[{ directory: /a, box: { host: b } }]', 'is a second kind of place for copies, beside directory'],
])('%s: %s', (copies, complaint) => {
  expect(complaints(copies)).toContain(complaint);
});
