import { expect, test } from 'vitest';
import { sampleKinds } from '../../../test/fixtures/config/sample-kinds.ts';
import { configFingerprint } from './config-fingerprint.ts';
import { defineService } from '../config/define-service.ts';
import { parseReleaseFile, parseReleaseObject, type ReleaseFileResult } from '../config/parse-release-file.ts';

function fingerprint(result: ReleaseFileResult): string {
  if ('problems' in result) throw new Error(result.problems[0]?.message);
  return configFingerprint(result.config);
}

const written = `service: notes
environments:
  production:
    drain: 90s
    target: { command: { deploy: [./deploy.sh], observe: [./look.sh] } }
`;

test('the fingerprint is that of the meaning: order, comments, spelling and format do not count', () => {
  const respelt = `# the same
environments: { production: { target: { command: { observe: [./look.sh], deploy: ["./deploy.sh"] } }, drain: 1m30s } }
service: notes
`;
  const defined = defineService({
    service: 'notes',
    environments: {
      production: { target: { command: { deploy: ['./deploy.sh'], observe: ['./look.sh'] } }, drain: '90s' },
    },
  });
  const expected = 'sha256:065ad20f3045452404f1825e6b33d062bacf59b92e24cd470c2b6e26313883f5';
  expect(fingerprint(parseReleaseFile(written, 'a.yaml', sampleKinds))).toBe(expected);
  expect(fingerprint(parseReleaseFile(respelt, 'b.yaml', sampleKinds))).toBe(expected);
  expect(fingerprint(parseReleaseFile(JSON.stringify(defined), 'c.json', sampleKinds))).toBe(expected);
  expect(fingerprint(parseReleaseObject(defined, 'd.ts', sampleKinds))).toBe(expected);
});

test('any change of meaning changes the fingerprint', () => {
  const before = fingerprint(parseReleaseFile(written, 'a.yaml', sampleKinds));
  expect(fingerprint(parseReleaseFile(written.replace('90s', '91s'), 'a.yaml', sampleKinds))).not.toBe(before);
});
