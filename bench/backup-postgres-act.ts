/** The restore of backup-postgres.ts in a process of its own, so that its memory and CPU are its own: `PROJECT BACKUP`. Prints one line of JSON. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { storeKinds } from '../src/adapters/stores/index.ts';
import { identityIn, openKeyRing, openVault } from '../src/adapters/vaults/index.ts';
import { restoreInPlace } from '../test/support/restore-in-place.ts';
import { testEffect } from '../test/support/test-effect.ts';

const [project = '', id = ''] = process.argv.slice(2);
const url = process.env['DATABASE_URL'] ?? '';
const identity = join(project, 'identity');
const keys = openKeyRing({
  folder: join(project, '.shipway/keys'),
  recipients: [],
  signers: [],
  identity: async () => identityIn(readFileSync(identity, 'utf8'), identity),
});
const store = storeKinds.postgres.open(storeKinds.postgres.settings.parse({ url: '$DATABASE_URL' }), {
  projectDirectory: project,
});

const ASK_EVERY_MS = 10; // of the gap this much may go unseen; more often, the questions would take a part of what is measured

let isOver = false;
const longestGap = askAllTheTime();
const startedMs = performance.now();
await restoreInPlace({
  id,
  service: 'shop',
  environment: 'production',
  stores: [{ name: 'database', kind: 'postgres', store }],
  vault: openVault(join(project, '.shipway/backups'), keys),
  effect: testEffect(project, { variables: { ...process.env, DATABASE_URL: url } as Record<string, string> }),
});
const seconds = (performance.now() - startedMs) / 1000;
isOver = true;
console.log(JSON.stringify({ seconds, gapMs: await longestGap }));

/** A client that keeps its connection and makes another one when it was lost, as a service does; the longest time between two answers. */
async function askAllTheTime(): Promise<number> {
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
