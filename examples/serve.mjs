// The HTTP server that the examples share: one version of a service, until SIGTERM. PORT, HOST and VERSION come from the target.
import { createServer } from 'node:http';

const BODY_LIMIT_BYTES = 1024 * 1024; // an upload of the examples is a few lines

/**
 * `routes` maps `POST /leads` to a function of (body, query, headers) that returns what is answered as JSON. GET /health answers with the
 * version and what `health` adds. `close` lets go of the data before the process ends.
 */
export function serve(routes, { close = () => undefined, health = async () => ({}) } = {}) {
  const version = process.env.VERSION;
  const all = { 'GET /health': async () => ({ status: 'ok', version, ...(await health()) }), ...routes };
  const server = createServer((request, response) => void answer(all, request, response));
  server.listen(Number(process.env.PORT ?? 8080), process.env.HOST ?? '127.0.0.1');
  process.once('SIGTERM', () => {
    server.close(() => void Promise.resolve(close()).finally(() => process.exit(0)));
    setInterval(() => server.closeIdleConnections(), 20);
  });
}

async function answer(routes, request, response) {
  const url = new URL(request.url, 'http://localhost');
  const route = routes[`${request.method} ${url.pathname}`];
  try {
    const body = await readBody(request);
    if (route === undefined) return send(response, 404, { error: `no page ${request.method} ${url.pathname}` });
    return send(response, 200, await route(body, Object.fromEntries(url.searchParams), request.headers));
  } catch (error) {
    console.error(`${request.method} ${url.pathname}:`, error);
    return send(response, 500, { error: error.message });
  }
}

async function readBody(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > BODY_LIMIT_BYTES) throw new Error(`a body has at most ${BODY_LIMIT_BYTES} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? null : JSON.parse(text);
}

function send(response, status, json) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(json)}\n`);
}
