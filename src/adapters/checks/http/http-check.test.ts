import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testEffect } from '../../../../test/support/test-effect.ts';
import type { Json } from '../../../core/release/json.ts';
import { describeCheck, SECRET } from '../check.suite.ts';
import type { CheckResult } from '../check.ts';
import { openHttpCheck } from './http-check.ts';
import { isOurSide } from './our-side.ts';
import { httpCheckSettings } from './settings.ts';

// Self-signed for 127.0.0.1, for this test alone; valid for a hundred years.
const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgwOZuWvgqoLzVZCzm
+LZvApYex+RH7HHRFRL+7Mu5y2KhRANCAAQX7VtsVSBPbuNbmmV2E30SdRxWXy4+
XGKPHhuFPZdZFezHLClWIY6kKihD7RCob1gEpvUCZIj6p10URLlw79GB
-----END PRIVATE KEY-----`;
const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUXXWhcuNyu7Row10yhbUmbeM4z64wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTAxNTgxMVoYDzIxMjYxMDI4
MDE1ODExWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQX7VtsVSBPbuNbmmV2E30SdRxWXy4+XGKPHhuFPZdZFezHLClWIY6k
KihD7RCob1gEpvUCZIj6p10URLlw79GBo2QwYjAdBgNVHQ4EFgQUM6S7bi71AQrS
iztOHQZlIs7H7e0wHwYDVR0jBBgwFoAUM6S7bi71AQrSiztOHQZlIs7H7e0wDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0kAMEYC
IQCtpDJFdPzVmQHYBiOK/U6gKYls/Tz8KAdcjBfJAs5N+QIhANcEzaj08GRdVlGy
3PE4Awx1vhCcPqyOZqZIwK/ErB6t
-----END CERTIFICATE-----`;

let server: Server;
let base = '';
let asked: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void = () => undefined;

beforeAll(async () => {
  server = createServer((incoming, response) => {
    let body = '';
    incoming.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    incoming.on('end', () => {
      asked.push({ method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body });
      answer(incoming, response, body);
    });
  });
  base = await listen(server);
});
beforeEach(() => {
  asked = [];
  answer = suiteAnswer;
});
afterAll(() => close(server));

async function listen(on: Server | TcpServer): Promise<string> {
  on.listen(0, '127.0.0.1');
  await once(on, 'listening');
  return `http://127.0.0.1:${(on.address() as AddressInfo).port}`;
}

async function close(on: Server | TcpServer): Promise<void> {
  if ('closeAllConnections' in on) on.closeAllConnections();
  on.close();
  await once(on, 'close');
}

function suiteAnswer(incoming: IncomingMessage, response: ServerResponse): void {
  if (incoming.url === '/hang') return;
  if (incoming.url === '/third') response.statusCode = asked.length < 3 ? 503 : 200;
  if (incoming.url === '/bad' || incoming.url === '/secret') response.statusCode = 503;
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.end(JSON.stringify({ status: 'ok', token: incoming.headers.authorization ?? '' }));
}

describeCheck({
  kind: 'http',
  subject: () => ({ BASE: base, KNOWN: 'ok' }),
  passing: () => ({ get: '/health', expect: { json: { status: '$KNOWN' } } }),
  failing: () => ({ get: '/bad', expect: { status: 200 } }),
  hanging: () => ({ get: '/hang' }),
  unmeasurable: () => ({ get: 'http://nowhere.invalid/health' }),
  passingAtThirdTry: () => ({ get: '/third' }),
  tellingSecret: () => ({ get: '/secret', headers: { authorization: '$TOKEN' }, expect: { json: { token: 'other' } } }),
});

async function measure(
  written: object,
  subject: Record<string, string> = { BASE: base },
  limit = 20,
): Promise<CheckResult> {
  const check = openHttpCheck(httpCheckSettings.parse(written) as unknown as Json);
  return check.measure(subject, limit, testEffect('/', { variables: { API_TOKEN: SECRET } }));
}

describe('the request', () => {
  test('method, headers and body go out with their variables resolved, those of the subject first', async () => {
    const headers = { 'x-version': '$VERSION', authorization: 'Bearer $API_TOKEN' };
    await measure({ post: '$BASE/jobs?a=1', headers, body: { version: '$VERSION' } }, { BASE: base, VERSION: '1.2.3' });
    expect(asked[0]).toMatchObject({ method: 'POST', url: '/jobs?a=1', body: '{"version":"1.2.3"}' });
    expect(asked[0]?.headers).toMatchObject({
      'x-version': '1.2.3',
      authorization: `Bearer ${SECRET}`,
      'content-type': 'application/json',
    });
  });

  test('redirects are answers and are not followed', async () => {
    answer = (_, response) => response.writeHead(302, { location: `${base}/login` }).end();
    expect((await measure({ get: '/admin', expect: { status: 302, header: { location: '/login$/' } } })).outcome).toBe(
      'pass',
    );
    expect((await measure({ get: '/admin' })).sentence).toBe('GET /admin 302, expected 2xx');
    expect(asked.map(({ url }) => url)).toEqual(['/admin', '/admin']);
  });

  test('a path without an instance to join it to could not be measured', async () => {
    const result = await measure({ get: '/health' }, {});
    expect([result.outcome, result.sentence]).toEqual(['could-not-measure', expect.stringContaining('no instance')]);
  });
});

describe('the answer', () => {
  beforeEach(() => {
    answer = (_, response) => {
      response.setHeader('X-Many', ['a', 'b']);
      response.setHeader('Content-Type', 'application/json; charset=utf-8');
      response.end(
        JSON.stringify({
          status: 'ok',
          version: '1.2.3',
          items: [{ id: 7, 'a.b': null }],
          count: 3,
          load: { cpu: 0.5 },
        }),
      );
    };
  });

  const PASSING: object[] = [
    { status: 200 },
    { status: '2xx' },
    { status: [404, 200] },
    { json: { status: 'ok', 'items[0].id': 7, '$.count': 3 } },
    { json: { 'items[0]["a.b"]': null, items: [{ id: 7, 'a.b': null }] } },
    { json: { count: { gt: 2, lt: 4 }, 'load.cpu': { gte: 0.5, lte: 0.5 }, load: { cpu: 0.5 } } },
    { json: { version: { matches: '^1\\.' }, status: { matches: '/OK/i' } } },
    { json: { version: '$VERSION' } },
    { header: { 'content-type': 'application/json', 'X-MANY': 'a, b' } },
    { header: { 'Content-Type': 'application/json; charset=utf-8', 'x-many': '/b$/' } },
    { 'body-contains': '"status":"ok"' },
  ];
  test.each(PASSING)('passes with expect %j', async (expected) => {
    expect(await measure({ get: '/', expect: expected }, { BASE: base, VERSION: '1.2.3' })).toMatchObject({
      outcome: 'pass',
    });
  });

  const FAILING: [object, string][] = [
    [{ status: [500, '4xx'] }, 'GET / 200, expected 500 or 4xx'],
    [{ json: { status: 'up' } }, 'GET / 200, json status is "ok", expected "up"'],
    [{ json: { 'items[0].id': '7' } }, 'GET / 200, json items[0].id is 7, expected "7"'],
    [{ json: { 'items[1].id': 7 } }, 'GET / 200, json items[1].id is missing, expected 7'],
    [{ json: { 'status.length': 2 } }, 'GET / 200, json status.length is missing, expected 2'],
    [{ json: { constructor: 1 } }, 'GET / 200, json constructor is missing, expected 1'],
    [{ json: { count: { gt: 3 } } }, 'GET / 200, json count is 3, expected > 3'],
    [{ json: { status: { lt: 3 } } }, 'GET / 200, json status is "ok", expected < 3'],
    [{ json: { version: { matches: '^2' } } }, 'GET / 200, json version is "1.2.3", expected to match ^2'],
    [{ json: { load: {} } }, 'GET / 200, json load is {"cpu":0.5}, expected {}'],
    [
      { header: { 'content-type': 'text/html' } },
      'GET / 200, header content-type is "application/json; charset=utf-8", expected "text/html"',
    ],
    [{ header: { 'x-none': '1' } }, 'GET / 200, header x-none is missing, expected "1"'],
    [{ status: 201, json: { status: 'up' } }, 'GET / 200, expected 201; json status is "ok", expected "up"'],
  ];
  test.each(FAILING)('fails with expect %j and says what was measured', async (expected, sentence) => {
    expect(await measure({ get: '/', expect: expected })).toMatchObject({ outcome: 'fail', sentence });
  });

  test('a body that is not JSON fails a JSON expectation and is shown in part', async () => {
    answer = (_, response) => response.end(`<html>${'x'.repeat(5000)}`);
    const { outcome, sentence } = await measure({ get: '/', expect: { json: { a: 1 } } });
    expect(outcome).toBe('fail');
    expect(sentence).toContain('the body is not JSON: "<html>');
    expect(sentence.length).toBeLessThan(200);
  });

  test('a body too long to be looked at whole could not be measured', async () => {
    answer = (_, response) => response.end(JSON.stringify({ pad: 'x'.repeat(2_000_000), status: 'ok' }));
    expect((await measure({ get: '/', expect: { json: { status: 'ok' } } })).outcome).toBe('could-not-measure');
  });

  test('an answer slower than its limit fails with its latency', async () => {
    answer = (_, response) => setTimeout(() => response.end('{}'), 30);
    const result = await measure({ get: '/', within: '10ms' });
    expect(result.outcome).toBe('fail');
    expect(result.sentence).toMatch(/^GET \/ 200, took [\d.]+ ms, limit 10 ms$/);
    expect(Number(result.measured['latencyMs'])).toBeGreaterThan(10);
  });
});

describe('no answer', () => {
  test('a refused connection is a failure without a latency', async () => {
    const closed = createTcpServer();
    const address = await listen(closed);
    await close(closed);
    const result = await measure({ get: `${address}/health` });
    expect(result).toMatchObject({ outcome: 'fail', measured: { latencyMs: null } });
    expect(result.sentence).toContain('refused');
  });

  test('a connection that is reset, or closed in the middle of the body, is a failure', async () => {
    answer = (incoming) => incoming.socket.destroy();
    expect((await measure({ get: '/health' })).outcome).toBe('fail');
    answer = (incoming, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setImmediate(() => incoming.socket.destroy());
    };
    expect((await measure({ get: '/health' })).outcome).toBe('fail');
  });

  test('an endpoint that sends headers and then nothing ends at the limit', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.flushHeaders();
    };
    const result = await measure({ get: '/health' }, { BASE: base }, 0.3);
    expect(result.outcome).toBe('fail');
    expect(Number(result.measured['latencyMs'])).toBeGreaterThan(250);
  });

  test('something that does not speak HTTP is a failure', async () => {
    const ssh = createTcpServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('SSH-2.0-OpenSSH_9.2\r\n'),
    );
    const address = await listen(ssh);
    expect((await measure({ get: `${address}/health` })).outcome).toBe('fail');
    await close(ssh);
  });

  test('a certificate of an authority unknown here could not be measured', async () => {
    const secure = createTlsServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }, (_, response) => response.end('{}'));
    const address = (await listen(secure)).replace('http:', 'https:');
    const result = await measure({ get: `${address}/health` });
    expect([result.outcome, result.sentence]).toEqual(['could-not-measure', expect.stringContaining('certificate')]);
    await close(secure);
  });

  test.each([
    ['ENOTFOUND', true],
    ['ENETUNREACH', true],
    ['EMFILE', true],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', true],
    ['ECONNREFUSED', false],
    ['ECONNRESET', false],
    ['ETIMEDOUT', false],
    ['CERT_HAS_EXPIRED', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', false],
  ])('%s is our side: %s', (code, expected) => {
    expect(isOurSide(new Error('wrapped', { cause: Object.assign(new Error(code), { code }) }))).toBe(expected);
  });

  test('a name with two addresses is our side only when both are', () => {
    const one = Object.assign(new Error('a'), { code: 'ENETUNREACH' });
    const other = Object.assign(new Error('b'), { code: 'ECONNREFUSED' });
    expect(isOurSide(new AggregateError([one, other]))).toBe(false);
    expect(isOurSide(new AggregateError([one, one]))).toBe(true);
  });
});

describe('the settings', () => {
  test('the short form is filled in', () => {
    expect(httpCheckSettings.parse({ get: '/health', within: '500ms' })).toEqual({
      method: 'GET',
      url: '/health',
      headers: {},
      body: null,
      expect: { status: ['2xx'], json: {}, header: {}, bodyContains: null },
      withinMs: 500,
    });
  });

  test('the plan shows the request and what is expected, with variables as written', () => {
    const check = openHttpCheck(
      httpCheckSettings.parse({
        get: '/health',
        expect: { status: 200, json: { version: '$VERSION', n: { gt: 1 } } },
        within: '1s',
      }) as unknown as Json,
    );
    expect(check.describe()).toBe(
      'GET /health expects status 200, json version "$VERSION", json n > 1, within 1000 ms',
    );
  });

  test.each([
    [{}, 'exactly one address'],
    [{ get: '/a', post: '/b' }, 'exactly one address'],
    [{ get: 'localhost/health' }, 'has no scheme'],
    [{ get: '/a', expect: { status: 99 } }, 'is not a status'],
    [{ get: '/a', expect: { status: '6xx' } }, 'is not a status'],
    [{ get: '/a', expect: { json: { 'a[': 1 } } }, 'is not a JSON path'],
    [{ get: '/a', expect: { header: { x: '/(/' } } }, 'is not a regular expression'],
    [{ get: '/a', expcet: {} }, 'expcet'],
  ])('settings %j are refused', (written, message) => {
    expect(httpCheckSettings.safeParse(written).error?.message).toContain(message);
  });
});
