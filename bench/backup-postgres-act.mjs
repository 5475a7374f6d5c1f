// One restore of the benches of PostgreSQL in a process of its own, from the program as it is built, so that its time, CPU and memory are its own.
// Argument: JSON with project, id, url (a name of the environment) and, for a whole server, physical. Prints one line of JSON.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { storeKinds } from '../dist/adapters/stores/index.js';
import { identityIn, openKeyRing, openVault, stageRestore, swapRestore } from '../dist/adapters/vaults/index.js';
import { realClock } from '../dist/platform/clock.js';
import { loadVariables } from '../dist/platform/variables.js';

const { project, id, physical } = JSON.parse(process.argv[2] ?? '{}');
const url = process.env['DATABASE_URL'] ?? '';
const identity = join(project, 'identity');
const keys = openKeyRing({
  folder: join(project, '.shipway/keys'),
  recipients: [],
  signers: [],
  identity: async () => identityIn(readFileSync(identity, 'utf8'), identity),
});
const kind = storeKinds.postgres;
const settings = kind.settings.parse({ url: '$DATABASE_URL', ...(physical === undefined ? {} : { physical }) });
const store = kind.open(settings, { projectDirectory: project });
const variables = loadVariables({
  envFile: null,
  processEnvironment: process.env,
  secretNames: [],
  publicNames: [],
});

const ASK_EVERY_MS = 10; // of the gap this much may go unseen; more often, the questions would take a part of what is measured

let isOver = false;
// A whole server is down while its files are exchanged, which the gap of a client would only repeat.
const longestGap = physical === undefined ? askAllTheTime() : Promise.resolve(null);
const startedMs = performance.now();
const order = {
  id,
  service: 'shop',
  environment: 'production',
  stores: [{ name: 'database', kind: 'postgres', store }],
  vault: openVault(join(project, '.shipway/backups'), keys),
  effect: {
    token: 'bench',
    signal: new AbortController().signal,
    clock: realClock,
    resolve: (text) => variables.resolve(text),
    environment: (extra) => variables.environment(extra),
    projectDirectory: project,
    stateDirectory: join(project, '.shipway'),
    report: (line) => void process.stderr.write(`${line}\n`),
  },
};
const end = await swapRestore(await stageRestore(order), order.stores, order.effect);
if (end.state === 'failed') throw end.error;
const seconds = (performance.now() - startedMs) / 1000;
isOver = true;
console.log(JSON.stringify({ seconds, gapMs: await longestGap }));

/** A client that keeps its connection and makes another one when it was lost, as a service does; the longest time between two answers. */
async function askAllTheTime() {
  let longest = 0;
  let lastMs = performance.now();
  while (!isOver) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      while (!isOver) {
        await client.query('SELECT count(*) FROM schema_version');
        longest = Math.max(longest, performance.now() - lastMs);
        lastMs = performance.now();
        await setTimeout(ASK_EVERY_MS);
      }
    } catch {
      // ended or refused while the names are exchanged: that is the gap
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  return longest;
}
