import type { AlterTableStmt, ColumnDefinition, Expr, Stmt } from 'sqlite3-parser';
import type { AddColumn, AddConstraint, ConstraintKind, Deed, ObjectKind } from '../../../core/migration/statement.ts';
import { columnName, qualifiedName } from './names.ts';
import { deleteDeed, insertDeed, tablesBelow, updateDeed } from './writes.ts';

/** What one statement does. */
export function deedsOfStatement(statement: Stmt): Deed[] {
  switch (statement.type) {
    case 'AlterTableStmt':
      return [alterTable(statement)];
    case 'CreateTableStmt': {
      const { body, tblName, ifNotExists } = statement;
      const columns = 'columns' in body ? body.columns.map((column) => columnName(column.colName)) : [];
      const reads = 'select' in body ? tablesBelow(body.select) : [];
      return [{ kind: 'create-table', table: qualifiedName(tblName), columns, reads, repeatable: ifNotExists }];
    }
    case 'CreateVirtualTableStmt':
      return [
        {
          kind: 'create-table',
          table: qualifiedName(statement.tblName),
          columns: [],
          reads: [],
          repeatable: statement.ifNotExists,
        },
      ];
    case 'DropTableStmt':
      return [
        {
          kind: 'drop-table',
          table: qualifiedName(statement.tblName),
          cascades: false,
          repeatable: statement.ifExists,
        },
      ];
    case 'CreateIndexStmt': {
      const name = qualifiedName(statement.idxName);
      return [
        {
          kind: 'create-index',
          table: columnName(statement.tblName),
          name,
          columns: [],
          concurrently: false,
          repeatable: statement.ifNotExists,
        },
      ];
    }
    default:
      return rowDeeds(statement) ?? objectDeeds(statement);
  }
}

function rowDeeds(statement: Stmt): Deed[] | null {
  switch (statement.type) {
    case 'InsertStmt':
      return [insertDeed(statement)];
    case 'UpdateStmt':
      return [updateDeed(statement)];
    case 'DeleteStmt':
      return [deleteDeed(statement)];
    default:
      return null;
  }
}

function objectDeeds(statement: Stmt): Deed[] {
  switch (statement.type) {
    case 'CreateViewStmt':
      return [
        {
          kind: 'create-object',
          what: 'view',
          name: qualifiedName(statement.viewName),
          table: null,
          repeatable: statement.ifNotExists,
        },
      ];
    case 'CreateTriggerStmt': {
      const { triggerName, tblName, ifNotExists } = statement;
      const table = qualifiedName(tblName);
      return [
        { kind: 'create-object', what: 'trigger', name: qualifiedName(triggerName), table, repeatable: ifNotExists },
      ];
    }
    case 'DropIndexStmt':
      return [drop('index', qualifiedName(statement.idxName), statement.ifExists)];
    case 'DropViewStmt':
      return [drop('view', qualifiedName(statement.viewName), statement.ifExists)];
    case 'DropTriggerStmt':
      return [drop('trigger', qualifiedName(statement.triggerName), statement.ifExists)];
    case 'BeginStmt':
      return [{ kind: 'begin' }];
    case 'CommitStmt':
      return [{ kind: 'commit' }];
    case 'RollbackStmt':
      return [{ kind: statement.savepointName === undefined ? 'commit' : 'harmless' }];
    case 'VacuumStmt':
      return [{ kind: 'opaque', why: 'VACUUM locks the whole database for as long as it takes to write it anew' }];
    case 'PragmaStmt':
      return pragma(qualifiedName(statement.name));
    case 'AttachStmt':
    case 'DetachStmt':
      return [{ kind: 'opaque', why: 'what lies in an attached database is not in the SQL' }];
    default:
      return [{ kind: 'harmless' }];
  }
}

function drop(what: ObjectKind, name: string, repeatable: boolean): Deed {
  return { kind: 'drop-object', what, name, cascades: false, concurrently: false, repeatable };
}

/** A pragma that edits the schema by hand is beyond any rule. */
function pragma(name: string): Deed[] {
  if (name === 'writable_schema') return [{ kind: 'opaque', why: 'the schema is edited by hand' }];
  return [{ kind: 'harmless' }];
}

function alterTable({ tblName, body }: AlterTableStmt): Deed {
  const table = qualifiedName(tblName);
  switch (body.type) {
    case 'RenameToAlterTableBody':
      return { kind: 'rename-table', table, to: columnName(body.name) };
    case 'AddColumnAlterTableBody':
      return addedColumn(table, body.column);
    case 'DropColumnAlterTableBody':
      return { kind: 'drop-column', table, column: columnName(body.column), repeatable: false };
    case 'RenameColumnAlterTableBody':
      return { kind: 'rename-column', table, column: columnName(body.old), to: columnName(body.new) };
    case 'SetColumnNotNullAlterTableBody':
      return { kind: 'set-not-null', table, column: columnName(body.column) };
    case 'DropColumnNotNullAlterTableBody':
      return { kind: 'drop-not-null', table, column: columnName(body.column) };
    case 'DropConstraintAlterTableBody':
      return { kind: 'drop-constraint', table, name: columnName(body.name), repeatable: false };
    case 'AddConstraintAlterTableBody': {
      const name = body.constraint.name === undefined ? null : columnName(body.constraint.name);
      return addedConstraint(table, name);
    }
  }
}

function addedConstraint(table: string, name: string | null): AddConstraint {
  return {
    kind: 'add-constraint',
    table,
    name,
    constraint: 'check',
    columns: [],
    references: null,
    validates: true,
    usesIndex: false,
    provesNotNull: null,
  };
}

function addedColumn(table: string, column: ColumnDefinition): AddColumn {
  const constraints = column.constraints.map((one) => one.constraint);
  const byDefault = constraints.find((one) => one.type === 'DefaultColumnConstraint');
  return {
    kind: 'add-column',
    table,
    column: columnName(column.colName),
    type: column.colType?.name ?? '',
    notNull: constraints.some((one) => one.type === 'NotNullColumnConstraint' && !one.nullable),
    default: byDefault === undefined || isNull(byDefault.expr) ? 'none' : 'constant',
    rewrites: null,
    constraints: constraints.flatMap((one): ConstraintKind[] => {
      const kind = CONSTRAINTS[one.type];
      return kind === undefined ? [] : [kind];
    }),
    repeatable: false,
  };
}

const CONSTRAINTS: Partial<Record<string, ConstraintKind>> = {
  PrimaryKeyColumnConstraint: 'primary key',
  UniqueColumnConstraint: 'unique',
  CheckColumnConstraint: 'check',
  ForeignKeyColumnConstraint: 'foreign key',
};

function isNull(expression: Expr): boolean {
  return expression.type === 'NullLiteral';
}
