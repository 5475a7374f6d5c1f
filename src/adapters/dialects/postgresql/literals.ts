import type { Node } from 'libpg-query';
import type { Literal } from '../../../core/migration/statement.ts';
import { textOf } from './names.ts';

/** A value that stands in the text, as a text; null for NULL, undefined for what is computed. */
export function literalOf(node: Node | undefined): Literal | undefined {
  if (node === undefined) return undefined;
  if ('TypeCast' in node) return literalOf(node.TypeCast.arg);
  if (!('A_Const' in node)) return undefined;
  const { isnull, ival, fval, sval, boolval } = node.A_Const;
  if (isnull === true) return null;
  if (sval !== undefined) return sval.sval ?? '';
  if (boolval !== undefined) return String(boolval.boolval ?? false);
  return fval?.fval ?? String(ival?.ival ?? 0);
}

/** Those that stand in the text. */
export function literalsOf(
  values: readonly (readonly [column: string, value: Literal | undefined])[],
): Record<string, Literal[]> {
  return Object.fromEntries(values.flatMap(([column, value]) => (value === undefined ? [] : [[column, [value]]])));
}

/** The columns of an INSERT of which every row gives a value in the text. */
export function valuesByColumn(
  columns: readonly Node[] | undefined,
  rows: readonly Node[] | undefined,
): Record<string, Literal[]> {
  const found: Record<string, Literal[]> = {};
  for (const [index, column] of (columns ?? []).entries()) {
    const name = 'ResTarget' in column ? column.ResTarget.name : undefined;
    const values = (rows ?? []).map((row) => ('List' in row ? literalOf(row.List.items?.[index]) : undefined));
    if (name !== undefined && values.length > 0 && values.every((value) => value !== undefined)) found[name] = values;
  }
  return found;
}

/** `kind = 'a' AND note IS NULL`: what every row that is touched holds. */
export function pinsOf(where: Node | undefined): Record<string, Literal[]> {
  if (where === undefined) return {};
  if ('BoolExpr' in where) {
    if (where.BoolExpr.boolop !== 'AND_EXPR') return {};
    return Object.assign({}, ...(where.BoolExpr.args ?? []).map(pinsOf)) as Record<string, Literal[]>;
  }
  if ('NullTest' in where) {
    const column = columnOf(where.NullTest.arg);
    return column === null || where.NullTest.nulltesttype !== 'IS_NULL' ? {} : { [column]: [null] };
  }
  if (!('A_Expr' in where)) return {};
  const { kind, lexpr, rexpr, name } = where.A_Expr;
  const column = columnOf(lexpr);
  if (column === null || textOf(name?.[0]) !== '=') return {};
  if (kind === 'AEXPR_IN') return pinned(column, rexpr !== undefined && 'List' in rexpr ? rexpr.List.items : undefined);
  return kind === 'AEXPR_OP' && rexpr !== undefined ? pinned(column, [rexpr]) : {};
}

function pinned(column: string, nodes: readonly Node[] | undefined): Record<string, Literal[]> {
  const values = (nodes ?? []).map(literalOf).filter((value) => value !== undefined);
  return values.length > 0 && values.length === nodes?.length ? { [column]: values } : {};
}

/** The name of a plain column. */
export function columnOf(node: Node | undefined): string | null {
  return node !== undefined && 'ColumnRef' in node ? textOf(node.ColumnRef.fields?.at(-1)) : null;
}
