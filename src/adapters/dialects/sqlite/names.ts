import type { Name, QualifiedName } from 'sqlite3-parser';
import { plainName } from '../../../core/migration/statement.ts';

/** SQLite does not tell upper from lower case in names, quoted or not. */
export function columnName(name: Name): string {
  return name.text.replaceAll(/^["'`[]|["'`\]]$/g, '').toLowerCase();
}

export function qualifiedName({ dbName, objName }: QualifiedName): string {
  return plainName([...(dbName === undefined ? [] : [columnName(dbName)]), columnName(objName)]);
}
