/** What DuckDB keeps beside a database and reads back into it on the next open. */
export const COMPANIONS = ['.wal', '.wal.checkpoint', '.wal.recovery'] as const;
/** Where DuckDB puts what does not fit into memory; it holds no data that is kept. */
export const SPILL = '.tmp';
