import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { waitUntil } from '../../../../test/support/wait-until.ts';
import type { Json } from '../../../core/release/json.ts';
import { findByEnvironment } from '../../../platform/process-table.ts';
import type { Target, Want } from '../target.ts';
import { describeTarget } from '../target.suite.ts';
import { openCommandTarget } from './command-target.ts';
import { commandSettings } from './settings.ts';

const SCRIPT = resolve('test/fixtures/targets/deploy.mjs');
const DEPLOY = [process.execPath, SCRIPT, 'deploy', '$VERSION'];
const OBSERVE = [process.execPath, SCRIPT, 'observe'];
const SCOPE = { service: 'shop', environment: 'production' };

function deploysIn(directory: string): string[] {
  const file = join(directory, 'deploys.txt');
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
}

describeTarget({
  kind: 'command',
  settings: () => ({ deploy: DEPLOY, observe: OBSERVE, env: { TOKEN: '$TOKEN' } }),
  countEffects: (directory, version) => deploysIn(directory).filter((line) => line === version).length,
});

describe('the command target', () => {
  let directory: string;
  beforeEach(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'shipway-command-')));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const open = (settings: { [key: string]: unknown } = {}): Target => {
    const checked = commandSettings.parse({ deploy: DEPLOY, observe: OBSERVE, ...settings });
    return openCommandTarget(checked as unknown as Json, SCOPE);
  };
  const want = (version: string, release: string, previousVersion: string | null = null): Want => {
    return { ...SCOPE, version, release, previousVersion };
  };
  const effect = (token?: string) => testEffect(directory, token === undefined ? {} : { token });

  test('a deploy that fails is reported with its exit code and its last words', async () => {
    await expect(open({ env: { FAIL: '1.1.0' } }).apply(want('1.1.0', 'r1'), effect())).rejects.toMatchObject({
      kind: 'target-failed',
      message: 'deploy of 1.1.0 failed with exit code 7; it printed last:\n  deploying 1.1.0\n  no such image: 1.1.0',
      where: 'target.command.deploy',
    });
  });

  test('a deploy that says it succeeded while another version runs is a failure', async () => {
    const target = open({ env: { LIE: '1.1.0' } });
    await target.apply(want('1.0.0', 'r1'), effect());
    await expect(target.apply(want('1.1.0', 'r2', '1.0.0'), effect())).rejects.toMatchObject({
      kind: 'target-failed',
      message: 'deploy of 1.1.0 ended with success, but 1.0.0 runs',
    });
  });

  test.each([
    ['ends with an error', ['sh', '-c', 'echo 1.0.0; exit 1']],
    ['prints nothing', ['true']],
    ['prints an error message', ['echo', 'Error: connection refused']],
  ])('an observe command that %s cannot tell', async (_, observe) => {
    await expect(open({ observe }).observe(effect())).rejects.toMatchObject({
      kind: 'cannot-tell',
      where: 'target.command.observe',
    });
  });

  test('a version that was deployed by somebody else is seen, as from outside', async () => {
    writeFileSync(join(directory, 'deployed.txt'), 'v0.9.0');
    expect(await open().observe(effect())).toMatchObject([
      { version: '0.9.0', release: 'outside', component: 'service' },
    ]);
  });

  test('output is reported line by line, masked', async () => {
    const variables = { DEPLOY_TOKEN: 'sentinel-rW6#dJx1' };
    const watched = testEffect(directory, { variables });
    const script = 'echo "using $$SECRET"; echo $VERSION > deployed.txt';
    const target = open({ deploy: ['sh', '-c', script], env: { SECRET: '$DEPLOY_TOKEN' } });
    await target.apply(want('1.0.0', 'r1'), watched);
    expect(watched.reported).toEqual(['deploy: using [masked DEPLOY_TOKEN]']);
  });

  test('a deploy that hangs is stopped whole at its limit', async () => {
    const target = open({ env: { DEPLOY_MS: '60000' }, timeout: '500ms' });
    await expect(target.apply(want('1.0.0', 'r1'), effect('r1/hangs/1'))).rejects.toMatchObject({
      kind: 'command-timed-out',
      message: 'deploy did not end within 0.5 s and was stopped; it printed last:\n  deploying 1.0.0',
    });
    expect(findByEnvironment('SHIPWAY_STEP', (token) => token === 'r1/hangs/1')).toEqual([]);
  });

  test('an abort stops the running deploy', async () => {
    const aborted = effect('r1/aborted/1');
    const applying = open({ env: { DEPLOY_MS: '60000' } }).apply(want('1.0.0', 'r1'), aborted);
    await waitUntil('the deploy to begin', () => deploysIn(directory).length === 1);
    aborted.abort();
    await expect(applying).rejects.toMatchObject({ kind: 'stopped' });
    expect(findByEnvironment('SHIPWAY_STEP', (token) => token === 'r1/aborted/1')).toEqual([]);
  });

  test('an attempt that was cut short is deployed again, whatever observe says meanwhile', async () => {
    const target = open({ env: { FAIL: '1.1.0' } });
    await expect(target.apply(want('1.1.0', 'r1'), effect())).rejects.toThrow();
    await open().apply(want('1.1.0', 'r1'), effect());
    expect(deploysIn(directory)).toEqual(['1.1.0', '1.1.0']);
  });

  test('without a revert command the version before is deployed again', async () => {
    const target = open();
    await target.apply(want('1.0.0', 'r1'), effect());
    await target.apply(want('1.1.0', 'r2', '1.0.0'), effect());
    await target.revert(want('1.1.0', 'r2', '1.0.0'), effect());
    expect(deploysIn(directory)).toEqual(['1.0.0', '1.1.0', '1.0.0']);
  });

  test('a revert command gets the version before and the one to leave', async () => {
    const script = 'echo "$PREVIOUS_VERSION" > deployed.txt; echo "$VERSION -> $PREVIOUS_VERSION" > reverted.txt';
    const target = open({ revert: ['sh', '-c', script] });
    await target.apply(want('1.0.0', 'r1'), effect());
    await target.apply(want('1.1.0', 'r2', '1.0.0'), effect());
    const raw = effect();
    raw.resolve = (text) => text;
    await target.revert(want('1.1.0', 'r2', '1.0.0'), raw);
    expect(readFileSync(join(directory, 'reverted.txt'), 'utf8')).toBe('1.1.0 -> 1.0.0\n');
    expect(await target.observe(effect())).toMatchObject([{ version: '1.0.0', release: 'r1' }]);
  });

  test('a revert goes on although the half deployed version has broken the observe command', async () => {
    const target = open();
    await target.apply(want('1.0.0', 'r1'), effect());
    writeFileSync(join(directory, 'deployed.txt'), 'Error: half of a deploy');
    await target.revert(want('1.1.0', 'r2', '1.0.0'), effect());
    expect(await target.observe(effect())).toMatchObject([{ version: '1.0.0', release: 'r1' }]);
  });

  test('a first version cannot be taken back without a revert command', async () => {
    const target = open();
    await target.apply(want('1.0.0', 'r1'), effect());
    await expect(target.revert(want('1.0.0', 'r1'), effect())).rejects.toMatchObject({
      kind: 'target-failed',
      message: '1.0.0 cannot be taken back: nothing was deployed before it',
    });
  });

  test('an attempt that was overtaken by a later one may not deploy any more', async () => {
    await open().apply(want('1.0.0', 'r1'), effect('r1/deploy.apply/2'));
    await expect(open().apply(want('1.1.0', 'r1'), effect('r1/deploy.apply/1'))).rejects.toMatchObject({
      kind: 'stale-worker',
    });
    expect(deploysIn(directory)).toEqual(['1.0.0']);
  });

  test('a damaged record is not guessed at', async () => {
    await open().apply(want('1.0.0', 'r1'), effect());
    const file = join(directory, '.shipway/targets/shop_production.json');
    writeFileSync(file, '{');
    await expect(open().observe(effect())).rejects.toMatchObject({ kind: 'cannot-tell', where: file });
  });

  test('the plan shows the commands, secrets unresolved', () => {
    const target = open({ deploy: ['./deploy.sh', '$VERSION', '--token=$DEPLOY_TOKEN'], observe: ['./what-runs.sh'] });
    expect(target.commandsFor(want('1.1.0', 'r2', '1.0.0'))).toEqual({
      apply: [['./deploy.sh', '1.1.0', '--token=$DEPLOY_TOKEN'], ['./what-runs.sh']],
      revert: [['./deploy.sh', '1.0.0', '--token=$DEPLOY_TOKEN'], ['./what-runs.sh']],
    });
  });

  test('whether it may be repeated is what the release file says', () => {
    expect(open().repeatable).toBe(true);
    expect(open({ repeatable: false }).repeatable).toBe(false);
  });
});
