import type { Node, RangeVar, TypeName } from 'libpg-query';
import { plainName } from '../../../core/migration/statement.ts';

/** Text of a String node. */
export function textOf(node: Node | undefined): string {
  return node !== undefined && 'String' in node ? (node.String.sval ?? '') : '';
}

export function textsOf(nodes: readonly Node[] | undefined): string[] {
  return (nodes ?? []).map(textOf).filter((text) => text !== '');
}

/** A table as the rules name it. */
export function tableName(relation: RangeVar | undefined): string {
  return plainName([relation?.schemaname, relation?.relname].filter((part) => part !== undefined));
}

/** A name given as a list of parts. */
export function listedName(node: Node | undefined): string {
  if (node === undefined) return '';
  if ('List' in node) return plainName(textsOf(node.List.items));
  if ('String' in node) return textOf(node);
  if ('TypeName' in node) return plainName(textsOf(node.TypeName.names));
  if ('ObjectWithArgs' in node) return plainName(textsOf(node.ObjectWithArgs.objname));
  return '';
}

const SHORT_TYPES: Record<string, string> = {
  int4: 'integer',
  int8: 'bigint',
  int2: 'smallint',
  bool: 'boolean',
  bpchar: 'character',
  float8: 'double precision',
  float4: 'real',
};

/** A type as a person writes it: `varchar(50)`. */
export function typeText(type: TypeName | undefined): string {
  const parts = textsOf(type?.names).filter((part) => part !== 'pg_catalog');
  const name = plainName(parts);
  const limits = (type?.typmods ?? []).flatMap((node) =>
    'A_Const' in node && node.A_Const.ival !== undefined ? [node.A_Const.ival.ival ?? 0] : [],
  );
  const array = (type?.arrayBounds ?? []).length > 0 ? '[]' : '';
  return `${SHORT_TYPES[name] ?? name}${limits.length > 0 ? `(${limits.join(', ')})` : ''}${array}`;
}

const NODES_MAX = 20_000; // of one expression; a longer one is data, not a name

/** Every object below a node, the node itself first. */
export function* nodesBelow(root: unknown): Generator<Record<string, unknown>> {
  const waiting: unknown[] = [root];
  for (let count = 0; waiting.length > 0 && count < NODES_MAX; count++) {
    const next = waiting.pop();
    if (Array.isArray(next)) waiting.push(...next.slice(0, NODES_MAX));
    else if (typeof next === 'object' && next !== null) {
      yield next as Record<string, unknown>;
      waiting.push(...Object.values(next));
    }
  }
}

/** Tables that are named anywhere below. */
export function tablesBelow(root: unknown): string[] {
  const found = new Set<string>();
  for (const node of nodesBelow(root)) {
    if ('RangeVar' in node) found.add(tableName(node['RangeVar'] as RangeVar));
  }
  return [...found];
}
