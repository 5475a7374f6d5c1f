/** Columns by table, as the engine writes the names. Computed columns are left out: nothing is lost with them. */
export type DataShape = Record<string, string[]>;

/** A whole table, or one column of it. */
export interface DataPart {
  table: string;
  /** null: the table. */
  column: string | null;
}

/** What is in it: rows of a table, values of a column that are not NULL. */
export interface PartCount extends DataPart {
  count: number;
}

/** What `larger` has and `smaller` has not: a table as a whole, or the columns of one that both have. */
export function partsBeyond(smaller: DataShape, larger: DataShape): DataPart[] {
  return Object.entries(larger).flatMap(([table, columns]): DataPart[] => {
    const known = smaller[table];
    if (known === undefined) return [{ table, column: null }];
    return columns.filter((column) => !known.includes(column)).map((column) => ({ table, column }));
  });
}

export function isSamePart(one: DataPart, other: DataPart): boolean {
  return one.table === other.table && one.column === other.column;
}

/** `column public.orders.note` or `table public.tags`. */
export function partName({ table, column }: DataPart): string {
  return column === null ? `table ${table}` : `column ${table}.${column}`;
}

/** `column public.orders.note: 12 values`. */
export function countSentence(part: PartCount): string {
  const unit = part.column === null ? 'row' : 'value';
  return `${partName(part)}: ${part.count} ${unit}${part.count === 1 ? '' : 's'}`;
}
