import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { prepareDemo } from '../../examples/demo/prepare.mjs';
import { failedOutside, startLoad } from '../support/load-client.ts';
import { waitUntil } from '../support/wait-until.ts';

interface Answer {
  status: number;
  version: string;
  connection: string;
  body: string;
}

let project: string;
let running: ChildProcess[];

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'shipway-demo-'));
  prepareDemo(project, 0);
  running = [];
});

afterEach(async () => {
  for (const child of running) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  rmSync(project, { recursive: true, force: true });
});

async function start(version: string): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, ['server.mjs'], {
    cwd: join(project, 'releases', version),
    env: { PATH: process.env['PATH'], PORT: '0', DATABASE: '../../data/notes.db' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  let printed = '';
  child.stdout?.on('data', (text: Buffer) => (printed += text.toString()));
  const url = await waitUntil(`version ${version} to listen`, () => /http:\S+/.exec(printed)?.[0]);
  return { url, child };
}

function migrate(version: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const cwd = join(project, 'releases', version);
  const ran = spawnSync(process.execPath, ['migrate.mjs', '../../data/notes.db', ...args], { cwd, encoding: 'utf8' });
  return { status: ran.status, stdout: ran.stdout.trim(), stderr: ran.stderr.trim() };
}

function ask(method: string, url: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.on('end', () => {
        const { 'x-version': version, connection } = response.headers;
        resolve({
          status: response.statusCode ?? 0,
          version: String(version),
          connection: String(connection),
          body: text,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const note = (sequence: number, more: object = {}): string =>
  JSON.stringify({ client: 'test', sequence, text: `note ${sequence}`, ...more });

describe('one version of the notes service', () => {
  test.each(['1.0.0', '1.1.0', '1.2.0', '1.3.0'])(
    '%s passes the check that the release file runs before it is released',
    (version) => {
      const ran = spawnSync(process.execPath, ['checks/version-works.mjs', version], {
        cwd: project,
        encoding: 'utf8',
      });
      expect(ran.stderr).toBe('');
      expect(ran.stdout).toBe(`${version}: starts, answers, keeps a note, stops when asked\n`);
      expect(ran.status).toBe(0);
    },
  );

  test('names its version in /health and in a header of every answer', async () => {
    const { url } = await start('1.0.0');
    const health = await ask('GET', `${url}/health`);
    expect(JSON.parse(health.body)).toEqual({ status: 'ok', version: '1.0.0' });
    expect((await ask('GET', `${url}/nowhere`)).version).toBe('1.0.0');
  });

  test('stores a note once however often it is sent', async () => {
    const { url } = await start('1.0.0');
    expect((await ask('POST', `${url}/notes`, note(1))).status).toBe(201);
    expect((await ask('POST', `${url}/notes`, note(1))).status).toBe(200);
    const { notes } = JSON.parse((await ask('GET', `${url}/notes?client=test`)).body) as { notes: unknown[] };
    expect(notes).toHaveLength(1);
  });

  test.each([
    ['no JSON', 'POST', '/notes', 'hello', 400],
    ['a sequence that is no whole number', 'POST', '/notes', note(1.5), 400],
    ['a body that is too large', 'POST', '/notes', note(1, { text: 'x'.repeat(70_000) }), 413],
    ['another method', 'DELETE', '/notes', undefined, 405],
    ['another page', 'GET', '/other', undefined, 404],
  ])('refuses %s', async (_what, method, path, body, status) => {
    const { url } = await start('1.0.0');
    expect((await ask(method, `${url}${path}`, body)).status).toBe(status);
  });

  test('counts the requests of people in /metrics and leaves probes out', async () => {
    const { url } = await start('1.0.0');
    await ask('GET', `${url}/health`);
    await ask('GET', `${url}/notes`);
    await ask('POST', `${url}/notes`, note(1));
    const { body } = await ask('GET', `${url}/metrics`);
    expect(body).toContain('http_requests_total{method="GET",status="200"} 1\n');
    expect(body).toContain('http_requests_total{method="POST",status="201"} 1\n');
    expect(body).toContain('http_request_duration_seconds_bucket{le="+Inf"} 2\n');
    expect(body).toMatch(/^process_resident_memory_bytes \d{7,}$/m);
  });
});

describe('stopping', () => {
  test('finishes the request under way, asks to close the connection and leaves with code 0', async () => {
    const { url, child } = await start('1.0.0');
    const exit = once(child, 'exit');
    const sent = request(`${url}/notes`, { method: 'POST' });
    const answered = once(sent, 'response');
    await new Promise((resolve) => sent.write(note(1).slice(0, 5), resolve));
    await ask('GET', `${url}/health`); // answered later than the half request came in
    child.kill('SIGTERM');
    await waitUntil('the stop to be noticed', async () => {
      const health = await ask('GET', `${url}/health`).catch(() => null);
      return health === null || health.connection === 'close';
    });
    sent.end(note(1).slice(5));
    const [response] = (await answered) as [{ statusCode: number; headers: Record<string, string>; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(201);
    expect(response.headers['connection']).toBe('close');
    expect(await exit).toEqual([0, null]);
  });
});

describe('migrations', () => {
  test('1.1.0 adds a column while 1.0.0 goes on reading and writing', async () => {
    const old = await start('1.0.0');
    await ask('POST', `${old.url}/notes`, note(1));
    expect(migrate('1.1.0', 'up')).toMatchObject({ status: 0, stdout: '0002-tag' });
    expect((await ask('POST', `${old.url}/notes`, note(2))).status).toBe(201);
    const fresh = await start('1.1.0');
    await ask('POST', `${fresh.url}/notes`, note(3, { tag: 'green' }));
    const { notes } = JSON.parse((await ask('GET', `${fresh.url}/notes?client=test`)).body) as {
      notes: { tag: string | null }[];
    };
    expect(notes.map((entry) => entry.tag)).toEqual([null, null, 'green']);
    expect((await ask('GET', `${old.url}/notes?client=test`)).body).not.toContain('tag');
  });

  test('going up twice changes nothing the second time', () => {
    expect(migrate('1.1.0', 'up')).toMatchObject({ stdout: '0002-tag', stderr: 'up to 0002-tag' });
    expect(migrate('1.1.0', 'up')).toMatchObject({ stdout: '0002-tag', stderr: '' });
  });

  test('going down keeps the notes', async () => {
    migrate('1.1.0', 'up');
    expect(migrate('1.1.0', 'down', '0001-notes')).toMatchObject({ status: 0, stdout: '0001-notes' });
    const { url } = await start('1.0.0');
    expect((await ask('GET', `${url}/notes?client=seed&limit=1000`)).body.match(/"id"/g)).toHaveLength(20);
  });

  test('an older version refuses to touch a revision it does not know', () => {
    migrate('1.1.0', 'up');
    const { status, stderr } = migrate('1.0.0', 'down');
    expect(status).toBe(1);
    expect(stderr).toContain('revision 0002-tag is unknown to this version');
  });
});

describe('under traffic', () => {
  test('two versions share the data file and every acknowledged note is there', async () => {
    migrate('1.1.0', 'up');
    const [first, second] = [await start('1.0.0'), await start('1.1.0')];
    const loads = [first, second].map(({ url }, index) =>
      startLoad({ url, requestsPerSecond: 200, name: `load-${index}` }),
    );
    await waitUntil('200 requests on each', () => loads.every((load) => load.report().sent >= 200));
    for (const load of loads) {
      const report = await load.stop();
      expect(report.firstFailures).toEqual([]);
      expect(report.acknowledged).toBeGreaterThan(50);
      expect(await load.findMissing()).toEqual([]);
    }
  });

  test('a note that is gone is found missing', async () => {
    const { url } = await start('1.0.0');
    const load = startLoad({ url, requestsPerSecond: 200, name: 'load' });
    await waitUntil('3 notes', () => load.report().acknowledged >= 3);
    await load.stop();
    const Database = (await import('libsql')).default;
    const database = new Database(join(project, 'data', 'notes.db'));
    database.exec("DELETE FROM notes WHERE client = 'load' AND sequence = 2");
    database.close();
    expect(await load.findMissing()).toEqual([2]);
  });

  test('1.2.0 fails 3 of every 100 requests, and none of the first 50', async () => {
    migrate('1.2.0', 'up');
    const { url } = await start('1.2.0');
    const statuses: number[] = [];
    for (let turn = 0; turn < 250; turn += 1) statuses.push((await ask('GET', `${url}/notes`)).status);
    expect(statuses.slice(0, 50).filter((status) => status === 500)).toEqual([]);
    expect(statuses.slice(50, 150).filter((status) => status === 500)).toHaveLength(3);
    expect(statuses.slice(150, 250).filter((status) => status === 500)).toHaveLength(3);
    expect((await ask('GET', `${url}/health`)).status).toBe(200);
  });

  test('failures are counted by version, and those without an answer belong to no version', async () => {
    const { url, child } = await start('1.0.0');
    const load = startLoad({ url, requestsPerSecond: 200, name: 'load' });
    await waitUntil('some answers', () => load.report().sent >= 10);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    await waitUntil('a refused request', () => (load.report().byVersion['none']?.failed ?? 0) > 0);
    const report = await load.stop();
    expect(failedOutside(report, ['1.0.0'])).toBe(report.byVersion['none']?.failed);
    expect(report.firstFailures[0]).toMatchObject({ version: 'none', status: 0 });
  });
});
