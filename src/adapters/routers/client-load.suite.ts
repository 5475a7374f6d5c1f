import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** Clients that never stop asking. They retry nothing: what a careful client would repeat counts as failed here. */
export interface ClientLoad {
  sent(): number;
  /** One line per failed request: method, kind of connection, what happened. */
  failures: string[];
  /** Resolves at the next answer of the version, with the time of performance.now() when its last byte was here. */
  nextAnswerOf(version: string): Promise<number>;
  /** Lets every client finish its request. */
  stop(): Promise<void>;
}

export interface LoadShape {
  port: number;
  /** Clients that keep their connection. */
  keepAlive: number;
  /** Clients that use one connection per request. */
  oneShot: number;
  /** Clients that open a WebSocket, exchange three messages and close it. */
  webSockets: number;
}

const POST_BODY = 'p'.repeat(2048);
const POST_SHARE = 0.22;
const SLOW_SHARE = 0.03; // these take 300 ms, so that every switch has some in flight
const ANSWER_LIMIT_MS = 20_000;

interface Running {
  port: number;
  isStopping: boolean;
  sent: number;
  failures: string[];
  waiting: { version: string; resolve: (atMs: number) => void }[];
}

export function startClients(shape: LoadShape): ClientLoad {
  const running: Running = { port: shape.port, isStopping: false, sent: 0, failures: [], waiting: [] };
  const clients = [
    ...Array.from({ length: shape.keepAlive }, () =>
      askForEver(running, new Agent({ keepAlive: true, maxSockets: 1 })),
    ),
    ...Array.from({ length: shape.oneShot }, () => askForEver(running, null)),
    ...Array.from({ length: shape.webSockets }, () => talkForEver(running)),
  ];
  return {
    sent: () => running.sent,
    failures: running.failures,
    nextAnswerOf: (version) => new Promise((resolve) => running.waiting.push({ version, resolve })),
    async stop() {
      running.isStopping = true;
      await Promise.all(clients);
    },
  };
}

async function askForEver(running: Running, agent: Agent | null): Promise<void> {
  while (!running.isStopping) {
    const chance = Math.random();
    const method = chance < POST_SHARE ? 'POST' : 'GET';
    const path = chance > 1 - SLOW_SHARE ? '/slow' : '/';
    running.sent += 1;
    const failure = await askOnce(running, agent, method, path);
    if (failure !== null) running.failures.push(`${method} ${agent ? 'kept' : 'new'} connection: ${failure}`);
  }
  agent?.destroy();
}

/** Null when the answer was whole and right. */
function askOnce(running: Running, agent: Agent | null, method: string, path: string): Promise<string | null> {
  const body = method === 'POST' ? POST_BODY : '';
  return new Promise((resolve) => {
    const headers = { 'content-length': body.length };
    const options = { host: '127.0.0.1', port: running.port, method, path, headers, agent: agent ?? false };
    const sent = request(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('error', (error) => resolve(`broken answer (${error.message})`));
      answer.on('end', () => {
        const [version = '', bytes] = text.split(' ');
        if (answer.statusCode !== 200) return resolve(`status ${answer.statusCode}`);
        if (bytes !== String(body.length)) return resolve(`wrong answer "${text}"`);
        note(running, version);
        resolve(null);
      });
    });
    sent.setTimeout(ANSWER_LIMIT_MS, () => sent.destroy(new Error(`no answer within ${ANSWER_LIMIT_MS / 1000} s`)));
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(body);
  });
}

function note(running: Running, version: string): void {
  for (const one of running.waiting.filter((wait) => wait.version === version)) one.resolve(performance.now());
  running.waiting = running.waiting.filter((wait) => wait.version !== version);
}

async function talkForEver(running: Running): Promise<void> {
  while (!running.isStopping) {
    running.sent += 1;
    const failure = await talkOnce(running.port);
    if (failure !== null) running.failures.push(`WebSocket: ${failure}`);
  }
}

async function talkOnce(port: number): Promise<string | null> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/`);
  let failure: string | null = null;
  client.on('error', (error) => (failure ??= error.message));
  const closed = new Promise<number>((resolve) => client.once('close', resolve));
  await Promise.race([new Promise((resolve) => client.once('open', resolve)), closed]);
  for (let i = 0; i < 3 && client.readyState === WebSocket.OPEN; i += 1) {
    const echoed = new Promise((resolve) => client.once('message', resolve));
    client.send(`message ${i}`);
    await Promise.race([echoed, closed]);
    await delay(30); // long enough that every switch meets open ones
  }
  client.close(1000);
  const code = await closed;
  return failure ?? (code === 1000 ? null : `closed with ${code}`);
}
