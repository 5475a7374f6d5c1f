/** All schema changes, oldest first. A version takes as many of them as existed when it was made. */
export const MIGRATIONS = [
  {
    revision: '0001-notes',
    up: `CREATE TABLE notes (
      id INTEGER PRIMARY KEY,
      client TEXT NOT NULL,
      sequence INTEGER NOT NULL,
      text TEXT NOT NULL,
      created_at TEXT NOT NULL,
      UNIQUE (client, sequence)
    )`,
    down: 'DROP TABLE notes',
  },
  {
    // Nullable and without a default, so that 1.0.0 goes on reading and writing beside it.
    revision: '0002-tag',
    up: 'ALTER TABLE notes ADD COLUMN tag TEXT',
    down: 'ALTER TABLE notes DROP COLUMN tag',
  },
];
