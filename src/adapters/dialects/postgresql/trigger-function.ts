import { plainFunction } from './functions.ts';
import { nodesBelow } from './names.ts';
import type { Parsers } from './plpgsql.ts';

const RETURNS_ROW = new Set([0, 1]); // NEW and OLD are the first two variables of every trigger function
const PLAIN = new Set(['block', 'if', 'case', 'assign', 'null'].map((name) => `PLpgSQL_stmt_${name}`));

/** Whether a trigger function only computes columns of the row that it passes on: it raises nothing, runs no SQL, calls nothing unknown. */
export function onlyComputes(statement: string, parsers: Parsers): boolean {
  try {
    return isPlain(parsers.plpgsql(statement), parsers);
  } catch {
    return false;
  }
}

function isPlain(tree: unknown, parsers: Parsers): boolean {
  if (Array.isArray(tree)) return tree.every((one) => isPlain(one, parsers));
  if (typeof tree !== 'object' || tree === null) return true;
  return Object.entries(tree).every(([key, value]) => {
    if (key === 'PLpgSQL_expr') return isKnown((value as { query?: unknown }).query, parsers);
    if (key === 'PLpgSQL_stmt_return') return RETURNS_ROW.has((value as { retvarno?: number }).retvarno ?? -1);
    if (key.startsWith('PLpgSQL_stmt_') && !PLAIN.has(key)) return false;
    return isPlain(value, parsers);
  });
}

/** `NEW.a := lower(NEW.b)`, or a condition. */
function isKnown(query: unknown, parsers: Parsers): boolean {
  if (typeof query !== 'string') return false;
  for (const node of nodesBelow(parsers.sql(`SELECT ${query.replace(/^[\w."]+\s*:?=(?!=)/, '')}`))) {
    if ('SubLink' in node) return false;
    if ('FuncCall' in node && plainFunction(node['FuncCall']) === 'unknown') return false;
  }
  return true;
}
