import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { missingSshd, startSftpServer, type SftpServer } from '../../../../test/support/sftp-server.ts';
import { freePort } from '../../../../test/support/free-port.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { patient } from '../patient-place.ts';
import { describePlace } from '../place.suite.ts';
import type { Place } from '../place.ts';
import { sftpSettings, type SftpSettings } from './settings.ts';
import { openSftpPlace } from './sftp-place.ts';
import { sshProblem } from './ssh-problem.ts';

const missing = missingSshd() ?? '';
const LIMIT_MS = 120_000;
let server: SftpServer;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-sftp-'));
  if (missing === '') server = await startSftpServer();
}, LIMIT_MS);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  if (missing === '') await server.remove();
});

const settings = (change: Partial<SftpSettings> = {}): SftpSettings =>
  sftpSettings.parse({
    host: '127.0.0.1',
    port: server.port,
    user: server.user,
    directory: server.directory,
    'identity-file': server.identityFile,
    'known-hosts': server.knownHosts,
    ...change,
  });

describePlace({ kind: 'sftp', open: (effect) => openSftpPlace(settings(), effect), canLink: true, missing });

describe.skipIf(missing !== '')('a server reached by ssh', { timeout: LIMIT_MS }, () => {
  const failureOf = async (change: Partial<SftpSettings>): Promise<unknown> => {
    const place = openSftpPlace(settings(change), createEffect(folder));
    try {
      return await place.names().catch((error: unknown) => error);
    } finally {
      await place.close();
    }
  };
  const sending = () => {
    const from = join(folder, 'sent');
    writeFileSync(from, 'x');
    return { from, bytes: 1, sha256: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881' };
  };

  test('does not get anything while its key is not known', async () => {
    const empty = join(folder, 'known_nobody');
    writeFileSync(empty, '');
    expect(await failureOf({ 'known-hosts': empty })).toMatchObject({
      kind: 'refused',
      retry: false,
      message: expect.stringContaining('the key of 127.0.0.1 is not known'),
      next: expect.stringContaining('ssh-keyscan'),
    });
    expect(readFileSync(empty, 'utf8')).toBe('');
  });

  test('does not let a key in that it does not know, and the message says where to look', async () => {
    expect(await failureOf({ 'identity-file': server.strangeIdentityFile })).toMatchObject({
      kind: 'not-permitted',
      message: expect.stringContaining('does not let this user in'),
      next: expect.stringContaining('identity-file'),
    });
  });

  test('says what is wrong with the identity file, the port, the folder and the name', async () => {
    expect(await failureOf({ 'identity-file': join(folder, 'none') })).toMatchObject({ kind: 'not-found' });
    chmodSync(server.identityFile, 0o644);
    expect(await failureOf({})).toMatchObject({
      kind: 'not-permitted',
      next: expect.stringContaining('chmod 600'),
    });
    chmodSync(server.identityFile, 0o600);
    expect(await failureOf({ port: await freePort() })).toMatchObject({
      kind: 'unreachable',
      retry: true,
      message: expect.stringContaining('the connection was refused'),
    });
    expect(await failureOf({ directory: `${server.directory}/none` })).toMatchObject({
      kind: 'not-found',
      next: expect.stringContaining('mkdir'),
    });
    expect(await failureOf({ host: 'no-such-host.invalid' })).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('the name was not found'),
    });
  });

  test.skipIf(process.getuid?.() === 0)('says that it may not write there', async () => {
    chmodSync(server.directory, 0o500);
    const place = openSftpPlace(settings(), createEffect(folder));
    await expect(place.send('locked/part', sending())).rejects.toMatchObject({ kind: 'not-permitted' });
    await place.close();
    chmodSync(server.directory, 0o700);
  });

  test('that dies in the middle is asked again, and the file is whole afterwards', async () => {
    const clock: Clock = { nowMs: () => Date.now(), sleep: () => server.start(), speed: 1 };
    const effect: Effect & { lines: string[] } = createEffect(folder, { clock });
    const place: Place = patient(openSftpPlace(settings(), effect), effect);
    await place.send('dies/one', sending());
    await server.kill();
    await place.send('dies/two', sending());
    expect(effect.lines).toEqual([expect.stringMatching(/cannot be reached: .*; trying again in 1 s/)]);
    expect(await place.files('dies')).toEqual([
      { path: 'dies/one', bytes: 1 },
      { path: 'dies/two', bytes: 1 },
    ]);
    await place.close();
    expect(readdirSync(join(server.directory, 'dies')).sort()).toEqual(['one', 'two']);
  });

  test('whose key is another one than is known gets nothing', async () => {
    await server.changeHostKey();
    expect(await failureOf({})).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('it may be another machine'),
      next: expect.stringContaining(`ssh-keygen -R [127.0.0.1]:${server.port}`),
    });
  });
});

describe('what ssh says', () => {
  const of = (stderr: string) => sshProblem({ stderr, host: 'backup', port: undefined, where: 'sftp://backup/x' });
  test.each([
    ['ssh: connect to host backup port 22: Connection timed out', 'unreachable', /did not answer in time/],
    ['ssh: connect to host backup port 22: No route to host', 'unreachable', /there is no way to it/],
    ['subsystem request failed on channel 0', 'config-invalid', /offers no SFTP/],
    ['something new', 'unreachable', /ssh says: something new/],
    ['', 'unreachable', /the connection ended/],
  ])('%s', (stderr, kind, message) => {
    expect(of(stderr)).toMatchObject({
      kind,
      message: expect.stringMatching(message),
      next: expect.stringMatching(/.{10}/),
    });
  });
});
