import Database from 'libsql';

/** The database of the service: readers never wait, writers queue up for five seconds. */
export function openDatabase(path = process.env.DATABASE) {
  const database = new Database(path);
  database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL');
  return database;
}
