import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { download, uploadForm } from './http-client.ts';

const BYTES = Buffer.alloc(3_000_000, 'abc\xff', 'latin1');

let folder: string;
let server: Server | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shipway-http-'));
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve())));
  rmSync(folder, { recursive: true, force: true });
});

async function serve(listener: RequestListener): Promise<string> {
  const made = createServer(listener);
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}/file`;
}

it('a download is written to the disk as it is, for its owner only', async () => {
  const url = await serve((_, response) => response.end(BYTES));
  const file = join(folder, 'got');
  expect(await download({ method: 'GET', url, timeoutMs: 10_000 }, file)).toMatchObject({ status: 200, body: '' });
  expect(readFileSync(file).equals(BYTES)).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it('what comes with another status is the answer and no file', async () => {
  const url = await serve((_, response) => response.writeHead(404).end('not here'));
  const file = join(folder, 'got');
  const answer = await download({ method: 'GET', url, timeoutMs: 10_000 }, file);
  expect(answer).toMatchObject({ status: 404, body: 'not here' });
  expect(existsSync(file)).toBe(false);
});

it('a download that ends before its length is unreachable', async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { 'content-length': String(BYTES.length) });
    response.write(BYTES.subarray(0, 100_000), () => response.destroy());
  });
  const cut = download({ method: 'GET', url, timeoutMs: 10_000 }, join(folder, 'got'));
  await expect(cut).rejects.toMatchObject({ kind: 'unreachable' });
});

it('a file is sent as a field of a form, with its length', async () => {
  const file = join(folder, 'sent');
  writeFileSync(file, BYTES);
  let length: string | undefined;
  const chunks: Buffer[] = [];
  const url = await serve((message, response) => {
    length = message.headers['content-length'];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => response.end(message.headers['content-type']));
  });
  const request = { method: 'POST', url, timeoutMs: 10_000 };
  const { body } = await uploadForm(request, { field: 'snapshot', file, bytes: BYTES.length });
  const boundary = /^multipart\/form-data; boundary=(.+)$/.exec(body)?.[1] ?? '';
  const sent = Buffer.concat(chunks);
  expect(Number(length)).toBe(sent.length);
  const head = sent.subarray(0, sent.indexOf('\r\n\r\n') + 4).toString();
  expect(head).toContain(`--${boundary}\r\ncontent-disposition: form-data; name="snapshot"; filename="snapshot"\r\n`);
  expect(sent.subarray(head.length, head.length + BYTES.length).equals(BYTES)).toBe(true);
  expect(sent.subarray(head.length + BYTES.length).toString()).toBe(`\r\n--${boundary}--\r\n`);
});
