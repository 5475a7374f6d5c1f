import { openDatabase } from './notes-database.mjs';

const USAGE = 'usage: node migrate.mjs FILE up | down [REVISION] | revision';

/**
 * The migration tool of the service. `migrations` are in order, each { revision, up, down } with one SQL statement.
 * Prints what it did; exit code 2 when it was called wrongly. Each change is one transaction together with its revision,
 * so that a process killed in the middle leaves either the old or the new revision, never half of one.
 */
export function runMigrations(migrations, [path, command, wanted]) {
  if (!['up', 'down', 'revision'].includes(command)) {
    process.stderr.write(`${USAGE}\n`);
    process.exit(2);
  }
  const database = openDatabase(path);
  try {
    database.exec(
      'CREATE TABLE IF NOT EXISTS revision (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), name TEXT NOT NULL)',
    );
    if (command === 'up') for (const migration of migrations) goUp(database, migrations, migration);
    if (command === 'down') goDown(database, migrations, wanted);
    process.stdout.write(`${currentRevision(database)}\n`);
  } catch (error) {
    process.stderr.write(`migrate.mjs ${command}: ${error.message}\n`);
    process.exitCode = 1;
  } finally {
    database.close();
  }
}

function currentRevision(database) {
  return database.prepare('SELECT name FROM revision').get()?.name ?? 'none';
}

function goUp(database, migrations, migration) {
  transact(database, () => {
    if (position(migrations, currentRevision(database)) >= position(migrations, migration.revision)) return;
    database.exec(migration.up);
    setRevision(database, migration.revision);
    process.stderr.write(`up to ${migration.revision}\n`);
  });
}

/** Goes down to the wanted revision, or by one when none is named. */
function goDown(database, migrations, wanted) {
  const from = position(migrations, currentRevision(database));
  const to = wanted === undefined ? Math.max(from - 1, 0) : position(migrations, wanted);
  for (let at = from; at > to; at -= 1) {
    const before = migrations[at - 2]?.revision ?? 'none';
    transact(database, () => {
      database.exec(migrations[at - 1].down);
      setRevision(database, before);
    });
    process.stderr.write(`down to ${before}\n`);
  }
}

/** 0 is the empty database, 1 the first migration. An unknown revision belongs to a newer version and is never guessed at. */
function position(migrations, revision) {
  if (revision === 'none') return 0;
  const index = migrations.findIndex((migration) => migration.revision === revision);
  if (index === -1)
    throw new Error(`revision ${revision} is unknown to this version: run the migrate.mjs of the version that made it`);
  return index + 1;
}

function setRevision(database, name) {
  database
    .prepare(
      'INSERT INTO revision (only_row, name) VALUES (1, ?) ON CONFLICT (only_row) DO UPDATE SET name = excluded.name',
    )
    .run(name);
}

function transact(database, change) {
  database.exec('BEGIN IMMEDIATE');
  try {
    change();
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
