import type { DeleteStmt, InsertStmt, Node, SelectStmt, UpdateStmt } from 'libpg-query';
import type { Literal, Write } from '../../../core/migration/statement.ts';
import { isKeyColumn, LITERAL_ROWS_MAX } from '../key-columns.ts';
import { literalOf, literalsOf, pinsOf, valuesByColumn } from './literals.ts';
import { nodesBelow, tableName, tablesBelow, textOf } from './names.ts';

export function insertDeed(statement: InsertStmt): Write {
  const select =
    statement.selectStmt !== undefined && 'SelectStmt' in statement.selectStmt ? statement.selectStmt.SelectStmt : {};
  const rows = select.valuesLists?.length ?? 0;
  return {
    kind: 'write',
    how: 'insert',
    table: tableName(statement.relation),
    columns: [],
    bounded: rows > 0 ? rows <= LITERAL_ROWS_MAX : (select.fromClause ?? []).length === 0 || hasLimit(select),
    reads: tablesBelow([statement.selectStmt, statement.withClause]),
    pins: {},
    puts: valuesByColumn(statement.cols, select.valuesLists),
    repeatable: statement.onConflictClause !== undefined || guardsItself(select, tableName(statement.relation)),
  };
}

/** INSERT … SELECT … WHERE NOT EXISTS (SELECT … FROM the same table). */
function guardsItself(select: SelectStmt, table: string): boolean {
  return select.whereClause !== undefined && tablesBelow(select.whereClause).includes(table);
}

export function updateDeed(statement: UpdateStmt): Write {
  const columns = (statement.targetList ?? []).flatMap((node) =>
    'ResTarget' in node && node.ResTarget.name !== undefined ? [node.ResTarget.name] : [],
  );
  const { whereClause, fromClause, withClause, relation, targetList } = statement;
  const bounded = isBounded(whereClause) || hasLimitBelow(withClause);
  const reads = tablesBelow([fromClause, withClause, whereClause, targetList]);
  const [table, pins, puts] = [tableName(relation), pinsOf(whereClause), literalsSet(targetList)];
  return { kind: 'write', how: 'update', table, columns, bounded, reads, pins, puts, repeatable: true };
}

export function deleteDeed(statement: DeleteStmt): Write {
  const { whereClause, usingClause, withClause, relation } = statement;
  const bounded = isBounded(whereClause) || hasLimitBelow(withClause);
  const reads = tablesBelow([usingClause, withClause, whereClause]);
  const [table, pins] = [tableName(relation), pinsOf(whereClause)];
  return { kind: 'write', how: 'delete', table, columns: [], bounded, reads, pins, puts: {}, repeatable: true };
}

function literalsSet(targets: readonly Node[] | undefined): Record<string, Literal[]> {
  return literalsOf(
    (targets ?? []).flatMap((node) =>
      'ResTarget' in node && node.ResTarget.name !== undefined
        ? [[node.ResTarget.name, literalOf(node.ResTarget.val)] as const]
        : [],
    ),
  );
}

/** Whether the condition itself keeps the number of rows small. */
export function isBounded(where: Node | undefined): boolean {
  if (where === undefined) return false;
  if (hasLimitBelow(where)) return true;
  if ('BoolExpr' in where) {
    const parts = where.BoolExpr.args ?? [];
    if (where.BoolExpr.boolop === 'AND_EXPR') return parts.some(isBounded) || isKeyRange(parts);
    return where.BoolExpr.boolop === 'OR_EXPR' && parts.length > 0 && parts.every(isBounded);
  }
  return namesKeys(where);
}

/** `id = 7`, `code IN ('a', 'b')`, `id BETWEEN 1 AND 1000`. */
function namesKeys(where: Node): boolean {
  if (!('A_Expr' in where)) return false;
  const { kind, lexpr, rexpr, name } = where.A_Expr;
  if (!isKey(lexpr)) return false;
  if (kind === 'AEXPR_BETWEEN') return true;
  const isEqual = textOf(name?.[0]) === '=';
  if (kind === 'AEXPR_IN') return isEqual && rexpr !== undefined && 'List' in rexpr;
  if (kind === 'AEXPR_OP_ANY') return isEqual;
  return kind === 'AEXPR_OP' && isEqual && isValue(rexpr);
}

/** `id > 1000 AND id <= 2000`: a range with both ends. */
function isKeyRange(parts: readonly Node[]): boolean {
  const ends = new Set<string>();
  for (const part of parts) {
    if (!('A_Expr' in part) || part.A_Expr.kind !== 'AEXPR_OP' || !isKey(part.A_Expr.lexpr)) continue;
    ends.add(textOf(part.A_Expr.name?.[0])[0] ?? '');
  }
  return ends.has('<') && ends.has('>');
}

function isKey(node: Node | undefined): boolean {
  if (node === undefined || !('ColumnRef' in node)) return false;
  return isKeyColumn(textOf(node.ColumnRef.fields?.at(-1)));
}

function isValue(node: Node | undefined): boolean {
  if (node === undefined) return false;
  if ('TypeCast' in node) return isValue(node.TypeCast.arg);
  return 'A_Const' in node || 'ParamRef' in node;
}

function hasLimit(select: SelectStmt): boolean {
  return select.limitCount !== undefined;
}

function hasLimitBelow(root: unknown): boolean {
  for (const node of nodesBelow(root)) {
    if ('SelectStmt' in node && hasLimit(node['SelectStmt'] as SelectStmt)) return true;
  }
  return false;
}
