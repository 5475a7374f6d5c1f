import type { DeleteStmt, Expr, InsertStmt, UpdateStmt } from 'sqlite3-parser';
import type { Write } from '../../../core/migration/statement.ts';
import { isKeyColumn, LITERAL_ROWS_MAX } from '../key-columns.ts';
import { columnName, qualifiedName } from './names.ts';

export function insertDeed(statement: InsertStmt): Write {
  const { body, orConflict, tblName } = statement;
  const select = 'select' in body ? body.select : null;
  const rows = select !== null && select.select.type === 'SelectValues' ? select.select.values.length : null;
  const bounded = select === null || (rows === null ? select.limit !== undefined : rows <= LITERAL_ROWS_MAX);
  const isUpsert = 'upsert' in body && body.upsert !== undefined;
  return {
    kind: 'write',
    how: 'insert',
    table: qualifiedName(tblName),
    columns: [],
    bounded,
    reads: tablesBelow(select),
    pins: {},
    puts: {},
    repeatable: orConflict === 'Ignore' || orConflict === 'Replace' || isUpsert,
  };
}

export function updateDeed(statement: UpdateStmt): Write {
  const columns = statement.sets.flatMap((set) => set.colNames.map(columnName));
  const reads = tablesBelow([statement.from, statement.with, statement.whereClause, statement.sets]);
  const bounded = isBounded(statement.whereClause);
  return {
    kind: 'write',
    how: 'update',
    table: qualifiedName(statement.tblName),
    columns,
    bounded,
    reads,
    pins: {},
    puts: {},
    repeatable: true,
  };
}

export function deleteDeed(statement: DeleteStmt): Write {
  const reads = tablesBelow([statement.with, statement.whereClause]);
  const bounded = isBounded(statement.whereClause);
  return {
    kind: 'write',
    how: 'delete',
    table: qualifiedName(statement.tblName),
    columns: [],
    bounded,
    reads,
    pins: {},
    puts: {},
    repeatable: true,
  };
}

/** Whether the condition itself keeps the number of rows small. */
function isBounded(where: Expr | undefined): boolean {
  if (where === undefined) return false;
  switch (where.type) {
    case 'BinaryExpr':
      if (where.op === 'And') return isBounded(where.left) || isBounded(where.right);
      if (where.op === 'Or') return isBounded(where.left) && isBounded(where.right);
      return where.op === 'Equals' && isKey(where.left) && where.right.type.endsWith('Literal');
    case 'BetweenExpr':
      return !where.not && isKey(where.lhs);
    case 'InListExpr':
      return !where.not && isKey(where.lhs);
    case 'InSelectExpr':
      return !where.not && where.rhs.limit !== undefined;
    case 'ParenthesizedExpr':
      return where.exprs.length === 1 && isBounded(where.exprs[0]);
    default:
      return false;
  }
}

function isKey(expression: Expr): boolean {
  return expression.type === 'Id' && isKeyColumn(expression.name);
}

const NODES_MAX = 20_000; // of one statement; a longer one is data

/** Tables that are read anywhere below. */
export function tablesBelow(root: unknown): string[] {
  const waiting: unknown[] = [root];
  const found = new Set<string>();
  for (let count = 0; waiting.length > 0 && count < NODES_MAX; count++) {
    const next = waiting.pop();
    if (Array.isArray(next)) waiting.push(...next.slice(0, NODES_MAX));
    else if (typeof next === 'object' && next !== null) {
      if ('type' in next && next.type === 'QualifiedName')
        found.add(qualifiedName(next as Parameters<typeof qualifiedName>[0]));
      waiting.push(...Object.values(next));
    }
  }
  return [...found];
}
