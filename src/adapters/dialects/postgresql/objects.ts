import type { CreateStmt, DropStmt, IndexStmt, ObjectType, RangeVar, RenameStmt } from 'libpg-query';
import type { Deed, ObjectKind } from '../../../core/migration/statement.ts';
import { plainName } from '../../../core/migration/statement.ts';
import { listedName, tableName, tablesBelow, textsOf } from './names.ts';

const OBJECTS: Partial<Record<ObjectType, ObjectKind>> = {
  OBJECT_INDEX: 'index',
  OBJECT_VIEW: 'view',
  OBJECT_MATVIEW: 'materialized view',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'type',
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
  OBJECT_AGGREGATE: 'function',
  OBJECT_TRIGGER: 'trigger',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_SCHEMA: 'schema',
  OBJECT_DATABASE: 'database',
  OBJECT_EXTENSION: 'extension',
};

export function objectKind(type: ObjectType | undefined): ObjectKind {
  return (type === undefined ? undefined : OBJECTS[type]) ?? 'other';
}

export function createTable(statement: CreateStmt): Deed[] {
  const columns = (statement.tableElts ?? []).flatMap((node) =>
    'ColumnDef' in node && node.ColumnDef.colname !== undefined ? [node.ColumnDef.colname] : [],
  );
  const table = tableName(statement.relation);
  const repeatable = statement.if_not_exists === true;
  return [{ kind: 'create-table', table, columns, reads: [], repeatable }];
}

export function createdAs(into: RangeVar | undefined, query: unknown, repeatable: boolean): Deed {
  return { kind: 'create-table', table: tableName(into), columns: [], reads: tablesBelow(query), repeatable };
}

export function createIndex(statement: IndexStmt): Deed {
  const { idxname, relation, concurrent, indexParams, if_not_exists: ifNotExists } = statement;
  return {
    kind: 'create-index',
    table: tableName(relation),
    name: idxname === undefined ? null : plainName([...(relation?.schemaname ? [relation.schemaname] : []), idxname]),
    columns: (indexParams ?? []).flatMap((node) => ('IndexElem' in node ? (node.IndexElem.name ?? []) : [])),
    concurrently: concurrent === true,
    repeatable: ifNotExists === true,
  };
}

export function dropped(statement: DropStmt): Deed[] {
  const { removeType, behavior, missing_ok: missingOk, concurrent } = statement;
  const cascades = behavior === 'DROP_CASCADE';
  const repeatable = missingOk === true;
  return (statement.objects ?? []).map((node): Deed => {
    if (removeType === 'OBJECT_TABLE' || removeType === 'OBJECT_FOREIGN_TABLE') {
      return { kind: 'drop-table', table: listedName(node), cascades, repeatable };
    }
    const what = objectKind(removeType);
    // Triggers are named behind their table.
    const name = what === 'trigger' && 'List' in node ? (textsOf(node.List.items).at(-1) ?? '') : listedName(node);
    return { kind: 'drop-object', what, name, cascades, concurrently: concurrent === true, repeatable };
  });
}

export function renamed(statement: RenameStmt): Deed[] {
  const { renameType, relation, subname = '', newname = '', object } = statement;
  const table = tableName(relation);
  switch (renameType) {
    case 'OBJECT_COLUMN':
    case 'OBJECT_ATTRIBUTE':
      return [{ kind: 'rename-column', table, column: subname, to: newname }];
    case 'OBJECT_TABLE':
    case 'OBJECT_FOREIGN_TABLE':
      return [{ kind: 'rename-table', table, to: inSchemaOf(relation, newname) }];
    case 'OBJECT_TABCONSTRAINT':
    case 'OBJECT_DOMCONSTRAINT':
    case 'OBJECT_POLICY':
    case 'OBJECT_ROLE':
      return [{ kind: 'harmless' }];
    default: {
      const what = objectKind(renameType);
      const name = relation === undefined ? listedName(object) || subname : subname || table;
      return [{ kind: 'rename-object', what, name, to: beside(name, newname) }];
    }
  }
}

/** The new name, in the schema of the old one. */
function beside(name: string, newname: string): string {
  return name.includes('.') ? `${name.slice(0, name.lastIndexOf('.'))}.${newname}` : newname;
}

function inSchemaOf(relation: RangeVar | undefined, name: string): string {
  return plainName([...(relation?.schemaname === undefined ? [] : [relation.schemaname]), name]);
}
