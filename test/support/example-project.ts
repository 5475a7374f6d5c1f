import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';
import { runShipway } from './run-shipway.ts';
import { said } from './service-project.ts';
import { createTemporaryProject } from './temporary-project.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const WRITTEN_ADDRESS = '127.0.0.1:8080';
const DATA_OF_THE_RELEASE = ['--data', 'restore'];
const LIMIT_SECONDS = 180; // a release takes some seconds; the rest is for a busy machine

/** A copy of one of the examples, with its services on a free port. */
export interface ExampleProject {
  directory: string;
  /** Where the service is reached. */
  url: string;
  path(...names: string[]): string;
  read(...names: string[]): string;
  write(name: string, content: string, mode?: number): string;
  /** Writes the release file with another text in a place that is there exactly once. */
  amend(text: string, by: string): void;
  /** Runs the command line, and gives back what it printed on both streams; fails unless it ends with this code. */
  shipway(code: number, ...args: string[]): Promise<string>;
  /** Asks for a rollback that brings data back, and gives what it says before anybody has answered; `goOn` answers that the loss is meant. */
  askToRestore(reason: string, ...which: string[]): Promise<{ asked: string; goOn: () => Promise<string> }>;
  /** One request to the service; the answer as data. Fails unless it is a success. */
  ask<Answer>(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer>;
  /** The version that answers. */
  version(): Promise<string>;
  remove(): Promise<void>;
}

/** Copies the example `name` with what it shares with the others. `environment` is given to every command, beside PATH and HOME. */
export async function createExampleProject(
  name: string,
  environment: Record<string, string> = {},
): Promise<ExampleProject> {
  const project = createTemporaryProject();
  const directory = join(project.directory, name);
  const address = `127.0.0.1:${await freePort()}`;
  cpSync(join(ROOT, 'examples', name), directory, { recursive: true });
  cpSync(join(ROOT, 'examples/serve.mjs'), join(project.directory, 'serve.mjs'));
  symlinkSync(join(ROOT, 'node_modules'), join(project.directory, 'node_modules'));
  const path = (...names: string[]): string => join(directory, ...names);
  const amend = (text: string, by: string): void => {
    const written = readFileSync(path('shipway.yaml'), 'utf8');
    if (!written.includes(text)) throw new Error(`the release file of ${name} does not hold: ${text}`);
    writeFileSync(path('shipway.yaml'), written.replaceAll(text, by));
  };
  amend(WRITTEN_ADDRESS, address);
  const ask = async <Answer>(method: string, place: string, body?: object): Promise<Answer> =>
    (await askService(`http://${address}${place}`, method, body)) as Answer;
  const shipway = async (code: number, ...args: string[]): Promise<string> => {
    const given = { SHIPWAY_ACTOR: 'ana', ...environment };
    return said(code, await runShipway(args, { directory, environment: given, limitSeconds: LIMIT_SECONDS }));
  };
  return {
    directory,
    url: `http://${address}`,
    path,
    read: (...names) => readFileSync(path(...names), 'utf8'),
    write(file, content, mode = 0o644) {
      mkdirSync(dirname(path(file)), { recursive: true });
      writeFileSync(path(file), content, { mode });
      return path(file);
    },
    amend,
    shipway,
    async askToRestore(reason, ...which) {
      const words = ['rollback', ...(which.length > 0 ? which : DATA_OF_THE_RELEASE), '--reason', reason];
      const asked = await shipway(3, ...words);
      const since = /--yes-lose-data-since (\S+)/.exec(asked)?.[1];
      if (since === undefined) throw new Error(`no time was shown:\n${asked}`);
      return { asked, goOn: () => shipway(0, ...words, '--yes-lose-data-since', since) };
    },
    ask,
    version: async () => (await ask<{ version: string }>('GET', '/health')).version,
    remove: () => project.remove(),
  };
}

async function askService(url: string, method: string, body: object | undefined): Promise<unknown> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const answer = await fetch(url, { ...init, headers: { connection: 'close' } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}
