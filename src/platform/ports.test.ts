import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { chooseFreePort, isPortFree, isPortOpen } from './ports.ts';

const HOST = '127.0.0.1';

test('a chosen port is free and nothing answers there', async () => {
  const port = await chooseFreePort(HOST);
  expect(port).toBeGreaterThan(0);
  expect(await isPortFree(HOST, port)).toBe(true);
  expect(await isPortOpen(HOST, port)).toBe(false);
});

test('a port with a listener is taken and open', async () => {
  const port = await chooseFreePort(HOST);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(port, HOST, resolve));
  try {
    expect(await isPortFree(HOST, port)).toBe(false);
    expect(await isPortOpen(HOST, port)).toBe(true);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test('an address of another machine is refused as not permitted, not reported as taken', async () => {
  await expect(isPortFree('192.0.2.1', 1234)).rejects.toMatchObject({ kind: 'not-permitted' });
});
