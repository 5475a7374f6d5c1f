import { plainName, type Deed, type Statement } from './statement.ts';

/** Tables that the statements change or lock, by name, each once; those it creates are among them. */
export function touchedTables(statements: readonly Statement[]): string[] {
  return [...new Set(statements.flatMap((statement) => statement.deeds.flatMap(tablesOfDeed)))].toSorted();
}

/** The statements without those that touch nothing but these tables: the record that a migration tool keeps of itself. */
export function withoutTables(statements: readonly Statement[], tables: readonly string[]): Statement[] {
  const own = new Set(tables.map((name) => plainName(name.split('.'))));
  return statements.filter((statement) => {
    const touched = touchedTables([statement]);
    return touched.length === 0 || !touched.every((table) => own.has(table));
  });
}

function tablesOfDeed(deed: Deed): string[] {
  const referred = deed.kind === 'add-constraint' && deed.references !== null ? [deed.references] : [];
  const named = 'table' in deed && deed.table !== null && deed.table !== '' ? [deed.table] : [];
  const partition = deed.kind === 'detach-partition' ? [deed.partition] : [];
  return [...named, ...referred, ...partition];
}
