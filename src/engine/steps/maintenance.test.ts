import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testEffect } from '../../../test/support/test-effect.ts';
import type { MaintenanceConfig, NamedCheck } from '../../core/config/service-config.ts';
import { adapters } from '../../wiring/adapters.ts';
import { beginMaintenanceStep } from './begin-maintenance.ts';
import { endMaintenanceStep } from './end-maintenance.ts';
import type { StepContext } from './step.ts';

/** A real service with a kill-switch of its own: POST /switch {"enabled":true}, and 503 with Retry-After while it is on. */
let server: Server;
let url = '';
let isOn = false;
/** A service whose switch answers well and does nothing. */
let isDeaf = false;
let directory = '';

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-maintenance-'));
  [isOn, isDeaf] = [false, false];
  server = createServer((request, response) => {
    if (request.url === '/switch') {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        if (!isDeaf) isOn = (JSON.parse(body) as { enabled: boolean }).enabled;
        response.end('{}');
      });
      return;
    }
    const refuses = isOn || existsSync(join(directory, 'shared', 'down.flag'));
    response.writeHead(refuses ? 503 : 200, refuses ? { 'retry-after': '5' } : {});
    response.end();
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await new Promise((over) => server.close(over));
  rmSync(directory, { recursive: true, force: true });
});

const http = (name: string, method: string, path: string, body: string | null, status: number): NamedCheck => ({
  name,
  kind: 'http',
  settings: {
    method,
    url: `${url}${path}`,
    headers: {},
    body,
    expect: { status: [status], json: {}, header: {}, bodyContains: null },
    withinMs: null,
  },
  tries: 1,
  everySeconds: 0.05,
  timeoutSeconds: 5,
});
const refuses = (): NamedCheck => http('refuses', 'GET', '/work', null, 503);
const calls = (): MaintenanceConfig => ({
  by: {
    on: http('on', 'POST', '/switch', '{"enabled":true}', 200),
    off: http('off', 'POST', '/switch', '{"enabled":false}', 200),
  },
  check: refuses(),
});
const byFile = (file: string): MaintenanceConfig => ({ by: { file }, check: refuses() });

function contextWith(maintenance: MaintenanceConfig): StepContext {
  return {
    releaseId: 'r-0007',
    plan: { service: 'shop', environment: 'production', version: { number: '1.0.0', commit: null }, previous: null },
    step: { id: 'maintenance.on', input: { maintenance } },
    effect: testEffect(directory),
    tools: { adapters },
  } as unknown as StepContext;
}
const status = async (): Promise<number> => (await fetch(`${url}/work`, { headers: { connection: 'close' } })).status;

describe('maintenance is believed when it is seen', () => {
  test('a pair of calls turns it on and off; doing either twice is harmless', async () => {
    const context = contextWith(calls());
    for (let count = 0; count < 2; count += 1) {
      expect(await beginMaintenanceStep.act(context)).toEqual({ refuses: expect.stringContaining('503') as string });
      expect(await status()).toBe(503);
    }
    for (let count = 0; count < 2; count += 1) {
      await endMaintenanceStep.act(context);
      expect(await status()).toBe(200);
    }
  });

  test('a file is there while it is on, says who put it there, and is gone afterwards', async () => {
    const context = contextWith(byFile('shared/down.flag'));
    await beginMaintenanceStep.act(context);
    expect(readFileSync(join(directory, 'shared/down.flag'), 'utf8')).toBe('maintenance by r-0007\n');
    expect(await status()).toBe(503);
    await endMaintenanceStep.act(context);
    expect(existsSync(join(directory, 'shared/down.flag'))).toBe(false);
    expect(await status()).toBe(200);
  });

  test('a switch that answers well and does nothing is noticed, both ways', async () => {
    isDeaf = true;
    await expect(beginMaintenanceStep.act(contextWith(calls()))).rejects.toMatchObject({ kind: 'check-failed' });
    [isDeaf, isOn] = [true, true];
    await expect(endMaintenanceStep.act(contextWith(calls()))).rejects.toMatchObject({
      kind: 'check-failed',
      message: expect.stringContaining('says otherwise') as string,
    });
  });

  test('a service that cannot be reached has not begun to work again', async () => {
    const gone = {
      ...calls(),
      check: { ...refuses(), settings: { ...(refuses().settings as object), url: 'http://127.0.0.1:1/' } },
    };
    await expect(endMaintenanceStep.act(contextWith(gone as MaintenanceConfig))).rejects.toMatchObject({
      kind: 'check-failed',
    });
  });

  test('a folder where the file should be is left as it is', async () => {
    mkdirSync(join(directory, 'uploads'));
    writeFileSync(join(directory, 'uploads', 'mine'), 'kept');
    await expect(endMaintenanceStep.act(contextWith(byFile('uploads')))).rejects.toThrow();
    expect(readFileSync(join(directory, 'uploads', 'mine'), 'utf8')).toBe('kept');
  });
});
