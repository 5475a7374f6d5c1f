export type Cell = null | bigint | number | string | Buffer;

/** What connection.ts asks of serve-database.ts; any word in between interrupts the statement under way. */
export type DatabaseRequest =
  | { do: 'open'; uri: string; busyMs: number }
  | { do: 'exec'; sql: string }
  /** The first page of a statement's rows; `next` gives the others. One statement at a time. */
  | { do: 'rows'; sql: string }
  | { do: 'next' };

export interface Page {
  rows: Cell[][];
  isLast: boolean;
}
