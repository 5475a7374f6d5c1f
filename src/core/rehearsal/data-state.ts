/** One column of a table, whatever order the rows lie in. */
export interface ColumnState {
  name: string;
  /** Values that are not NULL. */
  values: number;
  /** The same for the same values; says nothing about which row holds which. */
  sum: string;
}

export interface TableState {
  name: string;
  rows: number;
  /** Over all rows with their columns by name; the same in whatever order rows and columns lie. */
  sum: string;
  /** In the order of the table; empty where only the rows were read. */
  columns: ColumnState[];
}

/** What is in a database, down to the columns. */
export interface DataState {
  /** One line for each object, sorted. A column is `column <table>.<column> …`, without its place in the table. */
  schema: string[];
  tables: TableState[];
}
