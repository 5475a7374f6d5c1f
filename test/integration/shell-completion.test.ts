import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

// What bash itself does with the script: define the function, then ask it with the words as they stand on the line.
const ASK = `source <(shipway completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shipway; printf '%s\\n' "\${COMPREPLY[@]}"`;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-completion-'));
  symlinkSync(resolve('bin/shipway.js'), join(directory, 'shipway'));
  writeFileSync(
    join(directory, 'shipway.yaml'),
    `service: shop
environments:
  production: { target: { command: { deploy: ["true"], observe: ["true"], revert: ["true"] } } }
  preview: { target: { command: { deploy: ["true"], observe: ["true"], revert: ["true"] } } }
`,
  );
});
afterAll(() => rmSync(directory, { recursive: true }));

function complete(...words: string[]): string[] {
  const path = [directory, dirname(process.execPath), process.env['PATH']].join(delimiter);
  const text = execFileSync('bash', ['-c', ASK, 'bash', ...words], {
    cwd: directory,
    env: { PATH: path, HOME: directory },
    encoding: 'utf8',
  });
  return text.trim().split('\n');
}

test('bash completes a command, an option and the environments of the release file', () => {
  expect(complete('shipway', 'roll')).toEqual(['rollback']);
  expect(complete('shipway', 'backup', 'pru')).toEqual(['prune']);
  expect(complete('shipway', 'rollback', '--qu')).toEqual(['--quick']);
  expect(complete('shipway', 'release', '1.0.0', '--env', 'p')).toEqual(['production', 'preview']);
});

test('what is not known leaves the line as it is, and nothing is printed into it', () => {
  expect(complete('shipway', 'release', '--config', 'no')).toEqual(['']);
  writeFileSync(join(directory, 'shipway.yaml'), 'service: [\n');
  expect(complete('shipway', 'plan', '--env', '')).toEqual(['']);
});
