// usage: node migrate.mjs up | down [REVISION] | dry-run | status | revision. DATABASE names the file.
import { openDatabase } from './open-database.mjs';

/** Runs one act over the migrations a version has, oldest first, each { name, up, down } in SQL. The revision is the number of those applied. */
export function migrate(migrations, [act, wanted]) {
  const database = openDatabase();
  const revision = database.prepare('PRAGMA user_version').get().user_version;
  if (revision > migrations.length) throw new Error(`revision ${revision} is unknown to this version`);
  const waiting = migrations.slice(revision);
  const go = (sql, to) => database.exec(`BEGIN IMMEDIATE; ${sql}; PRAGMA user_version = ${to}; COMMIT`);
  const acts = {
    revision: () => console.log(revision),
    status: () => migrations.forEach(({ name }, at) => console.log(at < revision ? 'applied' : 'waiting', name)),
    'dry-run': () => waiting.forEach(({ up }) => console.log(`${up};`)),
    up: () => waiting.forEach(({ up }, at) => go(up, revision + at + 1)),
    down() {
      const to = wanted === undefined ? revision - 1 : Number(wanted);
      for (let at = revision; at > to; at -= 1) go(migrations[at - 1].down, at - 1);
    },
  };
  if (acts[act] === undefined)
    throw new Error('usage: node migrate.mjs up | down [REVISION] | dry-run | status | revision');
  acts[act]();
  database.close();
}
