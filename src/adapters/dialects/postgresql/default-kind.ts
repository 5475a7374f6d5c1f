import type { Node } from 'libpg-query';
import type { DefaultKind } from '../../../core/migration/statement.ts';
import { nodesBelow, plainFunction } from './functions.ts';

/** Whether a default is computed once (PostgreSQL 11 and later store it beside the table) or for every row. */
export function defaultKind(expression: Node | undefined): DefaultKind {
  if (expression === undefined || isNull(expression)) return 'none';
  let kind: DefaultKind = 'constant';
  for (const node of nodesBelow(expression)) {
    if (!('FuncCall' in node)) continue;
    const volatility = plainFunction(node['FuncCall']);
    if (volatility === 'volatile') return 'volatile';
    if (volatility === 'unknown') kind = 'maybe volatile';
  }
  return kind;
}

/** DEFAULT NULL is no default. */
function isNull(expression: Node): boolean {
  if ('TypeCast' in expression) return expression.TypeCast.arg !== undefined && isNull(expression.TypeCast.arg);
  return 'A_Const' in expression && expression.A_Const.isnull === true;
}
