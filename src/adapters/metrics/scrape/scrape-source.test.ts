import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEffect } from '../../../../test/support/test-effect.ts';
import { problemRecord } from '../../../core/release/problem.ts';
import type { Json } from '../../../core/release/json.ts';
import type { MetricInstance } from '../metric-source.ts';
import { describeMetricSource } from '../metric-source.suite.ts';
import { openScrapeSource } from './scrape-source.ts';
import { scrapeSettings } from './settings.ts';

let server: Server;
let base = '';

const PAGES: Record<string, string> = {
  '/five/metrics': '# TYPE requests_total counter\nrequests_total 5\n',
  '/seven/metrics': 'requests_total 7\n',
  '/html/metrics': 'ok 1\n<html>\n',
  '/huge/metrics': `${'# a comment that fills the page\n'.repeat(150_000)}a 1\n`,
};

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/silent/metrics') return;
    const page = PAGES[request.url ?? ''];
    response.writeHead(page === undefined ? 404 : 200, { 'content-type': 'text/plain' }).end(page ?? 'no');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const at = (name: string): MetricInstance => ({ id: name, base: `${base}/${name}` });

describeMetricSource({
  kind: 'scrape',
  settings: () => ({ scrape: '/metrics', component: 'api' }),
  healthy: () => [at('five'), at('seven')],
  broken: () => at('nowhere'),
  silent: () => at('silent'),
});

describe('scraping', () => {
  const problemOf = async (name: string): Promise<ReturnType<typeof problemRecord>> => {
    const source = openScrapeSource(scrapeSettings.parse({ scrape: '/metrics' }) as unknown as Json);
    return problemRecord(await source.read([at(name)], testEffect('/')).catch((error: unknown) => error));
  };

  test('a page that is not metrics is refused with the line', async () => {
    expect(await problemOf('html')).toMatchObject({
      kind: 'unreachable',
      message: `line 2 of ${base}/html/metrics: this does not begin with the name of a metric: <html>`,
    });
  });

  test('another status than 200 is refused', async () => {
    expect((await problemOf('nowhere')).message).toBe(`GET ${base}/nowhere/metrics answered 404, expected 200`);
  });

  test('a page larger than the limit is refused rather than read in part', async () => {
    expect((await problemOf('huge')).message).toContain('larger than 4 MiB');
  });

  test.each([
    [{}, 'exactly one path'],
    [{ scrape: '/a', path: '/b' }, 'exactly one path'],
    [{ scrape: 'metrics' }, 'is not a path'],
    [{ scrape: '/metrics', componnet: 'api' }, 'componnet'],
  ])('settings %j are refused', (written, message) => {
    expect(scrapeSettings.safeParse(written).error?.message).toContain(message);
  });
});
