import Database from 'libsql';

// Longer than the longest write of the other processes (a migration of this small table takes a few ms, a busy disk a second).
const BUSY_TIMEOUT_MS = 5000;

/** Opens the database so that several versions may use it at the same moment: writers queue up, readers never wait. */
export function openDatabase(path) {
  const database = new Database(path);
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  database.exec('PRAGMA journal_mode = WAL');
  // A note that was acknowledged must survive a power cut, so every commit reaches the disk.
  database.exec('PRAGMA synchronous = FULL');
  return database;
}

/**
 * Reads and writes notes. `columns` are the columns this version knows beyond the first ones; a newer schema may have more of them
 * than an older version knows, so every statement names what it touches.
 */
export function createNotes(database, columns) {
  const known = ['client', 'sequence', 'text', ...columns];
  const shown = ['id', ...known, 'created_at AS createdAt'].join(', ');
  const insert = database.prepare(
    `INSERT INTO notes (${known.join(', ')}, created_at) VALUES (${known.map(() => '?').join(', ')}, ?) ON CONFLICT (client, sequence) DO NOTHING`,
  );
  const find = database.prepare(`SELECT ${shown} FROM notes WHERE client = ? AND sequence = ?`);
  const newest = database.prepare(`SELECT ${shown} FROM notes ORDER BY id DESC LIMIT ?`);
  const ofClient = database.prepare(
    `SELECT ${shown} FROM notes WHERE client = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
  );
  return {
    /** Stores a note once: the same client and sequence again returns what is there. */
    add(note) {
      const values = known.map((name) => note[name] ?? null);
      const { changes } = insert.run(...values, new Date().toISOString());
      return { created: changes === 1, note: find.get(note.client, note.sequence) };
    },
    newest: (limit) => newest.all(limit),
    ofClient: (client, after, limit) => ofClient.all(client, after, limit),
  };
}
