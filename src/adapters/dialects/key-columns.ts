// Names that in nearly every schema belong to a key: one value means one row or a few.
const KEYS = /^(?:id|uuid|guid|key|code|slug|email|username|ctid|rowid|.*_(?:id|uuid|key|code))$/;

/** Whether a condition on the column keeps the number of rows small. */
export function isKeyColumn(column: string): boolean {
  return KEYS.test(column.toLowerCase());
}

export const LITERAL_ROWS_MAX = 1000; // more rows than anyone types are a data load
