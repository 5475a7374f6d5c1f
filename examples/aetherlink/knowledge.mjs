import { setTimeout as delay } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';

// One process owns a DuckDB file. Two versions are there for a moment, so whoever is asked nothing lets go of it, and the other one waits for that.
const IDLE_MS = 300;
const PATIENCE_MS = 20_000;

let turn = Promise.resolve();
let owned = null;
let idle;

/** Runs with the database, one after the other. */
export function withKnowledge(use) {
  const result = turn.then(async () => {
    clearTimeout(idle);
    owned ??= await own(process.env.DUCKDB_PATH);
    try {
      return await use(owned.connection);
    } finally {
      idle = setTimeout(() => void letGo(), IDLE_MS);
    }
  });
  turn = result.catch(() => undefined);
  return result;
}

/** Lets go of the file; whatever is in its log is then in it. */
export function letGo() {
  turn = turn.then(() => {
    owned?.connection.closeSync();
    owned?.instance.closeSync();
    owned = null;
  });
  return turn;
}

async function own(path) {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      const instance = await DuckDBInstance.create(path, { threads: '1' });
      const connection = await instance.connect();
      await connection.run('CREATE TABLE IF NOT EXISTS documents (id INTEGER, url VARCHAR, added_by VARCHAR)');
      await connection.run('CREATE TABLE IF NOT EXISTS chunks (document INTEGER, vector FLOAT[3])');
      return { instance, connection };
    } catch (error) {
      if (!/lock/i.test(error.message) || performance.now() > until) throw error;
      await delay(20);
    }
  }
}
