import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEffect } from '../../../../test/support/create-effect.ts';
import { startFakeS3, type FakeS3 } from '../../../../test/support/fake-s3.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { redact } from '../../../platform/redact.ts';
import { patient } from '../patient-place.ts';
import { describePlace } from '../place.suite.ts';
import type { Place, Sending } from '../place.ts';
import { openS3Place } from './s3-place.ts';
import { partsOf } from './send-parts.ts';
import { s3Settings, type S3Settings } from './settings.ts';

const MIB = 1024 * 1024;
const PART = 5 * MIB; // the least that the protocol allows

let server: FakeS3;
let folder: string;
beforeAll(async () => {
  server = await startFakeS3(['acme', 'suite']);
  folder = mkdtempSync(join(tmpdir(), 'shipway-s3-'));
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const settings = (change: Partial<Record<keyof S3Settings, string>> = {}): S3Settings =>
  s3Settings.parse({
    bucket: 'acme',
    endpoint: server.endpoint,
    region: 'eu-central-1',
    prefix: 'shop/backups',
    'access-key': '$S3_KEY',
    'secret-key': '$S3_SECRET',
    ...change,
  });
const values =
  (change: Record<string, string> = {}) =>
  (text: string) =>
    ({ $S3_KEY: server.accessKey, $S3_SECRET: server.secretKey, ...change })[text] ?? text;
const effectOf = (change: Partial<Effect> = {}): Effect & { lines: string[] } =>
  createEffect(folder, { resolve: values(), ...change });

describePlace({
  kind: 's3, of a fake',
  open: (effect) => openS3Place(settings({ bucket: 'suite' }), { ...effect, resolve: values() }, PART),
  canLink: true,
});

describe('a bucket', { timeout: 120_000 }, () => {
  beforeEach(() => {
    server.objects.clear();
    server.asked.length = 0;
  });
  const sending = (content: Buffer): Sending => {
    const from = join(folder, 'sent');
    writeFileSync(from, content);
    return { from, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
  };
  const place = (change: Partial<Effect> = {}): Place => openS3Place(settings(), effectOf(change), PART);

  test('holds what was sent below its prefix', async () => {
    await place().send('bk_1/data/files.tar', sending(Buffer.from('x')));
    expect([...server.objects.keys()]).toEqual(['acme/shop/backups/bk_1/data/files.tar']);
  });

  test('gets a large file in parts, and nothing stays of an upload that failed or was left by a dead run', async () => {
    const content = Buffer.alloc(12 * MIB, 5);
    server.refuse(1, 403, 'AccessDenied', /^PUT .*partNumber=3/);
    await expect(place().send('large', sending(content))).rejects.toMatchObject({ kind: 'not-permitted' });
    expect(server.uploads()).toBe(0);
    server.refuse(2, 403, 'AccessDenied', /^PUT .*partNumber=2|^DELETE .*uploadId/);
    await expect(place().send('large', sending(content))).rejects.toMatchObject({ kind: 'not-permitted' });
    expect(server.uploads()).toBe(1);
    await place().send('large', sending(content));
    expect(server.uploads()).toBe(0);
    expect(server.objects.get('acme/shop/backups/large')?.equals(content)).toBe(true);
  });

  test('has parts of at least the given size, and never more than ten thousand', () => {
    expect(partsOf(0, PART)).toEqual([{ from: 0, bytes: 0 }]);
    expect(partsOf(PART + 1, PART)).toEqual([
      { from: 0, bytes: PART },
      { from: PART, bytes: 1 },
    ]);
    const parts = partsOf(5 * 1024 * 1024 * MIB, 64 * MIB);
    expect(parts.length).toBeLessThanOrEqual(10_000);
    expect(parts.reduce((sum, part) => sum + part.bytes, 0)).toBe(5 * 1024 * 1024 * MIB);
  });

  test.each([
    [
      'another key',
      { $S3_KEY: 'AKIAOTHEROTHEROTHER0' },
      {},
      'not-permitted',
      /does not accept the credentials \(InvalidAccessKeyId/,
    ],
    [
      'another secret',
      { $S3_SECRET: 'not-the-secret' },
      {},
      'not-permitted',
      /does not accept the credentials \(SignatureDoesNotMatch/,
    ],
    ['an empty variable', { $S3_KEY: '' }, {}, 'not-permitted', /\$S3_KEY holds no credentials/],
    ['no such bucket', {}, { bucket: 'other' }, 'not-found', /there is no such bucket/],
    ['a server that is not there', {}, { endpoint: 'http://127.0.0.1:9' }, 'unreachable', /the connection was refused/],
  ])('says what is wrong with %s, and what to do', async (_what, variables, change, kind, message) => {
    const open = openS3Place(settings(change), effectOf({ resolve: values(variables as Record<string, string>) }));
    const failure = await open.send('part', sending(Buffer.from('x'))).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      kind,
      message: expect.stringMatching(message),
      next: expect.stringMatching(/.{20}/),
    });
  });

  test.each([
    [403, 'AccessDenied', 'not-permitted', /may not do this: PUT/],
    [403, 'RequestTimeTooSkewed', 'not-permitted', /clock/],
    [400, 'ExpiredToken', 'not-permitted', /expired/],
    [301, 'PermanentRedirect', 'config-invalid', /another region/],
    [507, 'InsufficientStorage', 'disk-full', /no room left/],
    [503, 'SlowDown', 'unreachable', /answered 503/],
    [429, 'TooManyRequests', 'unreachable', /answered 429/],
    [500, 'InternalError', 'unreachable', /answered 500/],
    [418, 'Teapot', 'backup-failed', /answered 418/],
  ])('has one error for %i %s', async (status, code, kind, message) => {
    server.refuse(1, status, code);
    const failure = await place()
      .send('part', sending(Buffer.from('x')))
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind, message: expect.stringMatching(message) });
  });

  test('that is busy is asked again, each time after a longer pause, and a broken reading goes on where it broke', async () => {
    const pauses: number[] = [];
    const clock: Clock = { nowMs: () => Date.now(), sleep: async (ms) => void pauses.push(ms), speed: 1 };
    const effect = effectOf({ clock });
    const again = patient(openS3Place(settings(), effect, PART), effect);
    server.refuse(2, 503, 'SlowDown');
    server.refuse(1, 429, 'TooManyRequests');
    const content = Buffer.from('0123456789'.repeat(1000));
    await again.send('part', sending(content));
    expect(pauses).toEqual([1000, 2000, 4000]);
    expect(effect.lines[0]).toMatch(/answered 503 .*; trying again in 1 s/);
    server.breakOff(/^GET /, 4321);
    const chunks: Buffer[] = [];
    for await (const chunk of again.read('part')) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(content)).toBe(true);
    expect(pauses).toEqual([1000, 2000, 4000, 1000]);
    server.refuse(5, 503, 'SlowDown');
    await expect(again.find('part')).rejects.toMatchObject({ kind: 'unreachable' });
    expect(pauses.slice(4)).toEqual([1000, 2000, 4000, 8000]);
  });

  test('that says yes and means no has said no', async () => {
    await place().send('first', sending(Buffer.from('x')));
    const before = server.objects.get('acme/shop/backups/first') ?? Buffer.alloc(0);
    // The end of a multipart upload may begin with 200 and end with an error.
    server.refuse(1, 200, 'InternalError', /^PUT .*second/);
    await expect(place().link('first', 'second')).rejects.toMatchObject({ kind: 'unreachable', retry: true });
    expect(before.toString()).toBe('x');
  });

  test('never shows its secrets, neither in errors nor in lines, and they are masked from then on', async () => {
    const effect = effectOf({ resolve: values({ $S3_SECRET: 'hunter2-is-not-it' }) });
    const failure = await openS3Place(settings(), effect)
      .names()
      .catch((error: unknown) => error);
    const told = JSON.stringify([failure, (failure as Error).message, (failure as Error).stack, effect.lines]);
    expect(told).not.toContain('hunter2-is-not-it');
    expect(redact('the secret is hunter2-is-not-it')).toBe('the secret is [masked S3_SECRET]');
  });

  test('is not described with a secret in the file', () => {
    const written = { bucket: 'acme', 'access-key': 'AKIA123', 'secret-key': '$S3_SECRET' };
    expect(s3Settings.safeParse(written).error?.issues[0]?.message).toContain('is not the name of a variable');
  });
});
