/** What SQLite keeps beside a database and reads back into it on the next open. */
export const COMPANIONS = ['-wal', '-shm', '-journal'] as const;
