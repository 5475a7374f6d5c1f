import type { Node } from 'libpg-query';
import type { Deed } from '../../../core/migration/statement.ts';
import { textOf } from './names.ts';

/** The two parsers that are needed; given because they are loaded late. */
export interface Parsers {
  sql(text: string): Node[];
  plpgsql(text: string): unknown;
}

const DEPTH_MAX = 3; // a DO in a DO in a DO is written by nobody
const SINGLE_TEXT = /^\s*'((?:[^']|'')*)'\s*$/;

/** What the statements inside a DO block do. Commands that are put together at run time cannot be known. */
export function deedsOfBlock(statement: string, parsers: Parsers, deeds: (node: Node) => Deed[], depth = 0): Deed[] {
  if (depth >= DEPTH_MAX) return [opaque('blocks are nested too deep to be read')];
  let tree: unknown;
  try {
    tree = parsers.plpgsql(statement);
  } catch (error) {
    return [opaque(`its language is not PL/pgSQL, or it is not well formed: ${String((error as Error).message)}`)];
  }
  const inside: Deed[] = [];
  const read = (sql: string): Deed[] => parsers.sql(sql).flatMap(deeds);
  for (const { kind, query, repeated } of commandsOf(tree)) {
    const text = kind === 'built' ? SINGLE_TEXT.exec(query)?.[1]?.replaceAll("''", "'") : query;
    try {
      if (text === undefined) inside.push(opaque('a command is put together at run time (EXECUTE)'));
      else
        inside.push(
          ...read(text).map((deed) => (repeated && deed.kind === 'write' ? { ...deed, bounded: false } : deed)),
        );
    } catch {
      inside.push(opaque('a command inside the block cannot be read'));
    }
  }
  // A block asks before it acts, or catches what fails: running it twice is its author's business.
  return inside.length === 0
    ? [{ kind: 'harmless' }]
    : inside.map((deed) => ('repeatable' in deed ? { ...deed, repeatable: true } : deed));
}

function opaque(why: string): Deed {
  return { kind: 'opaque', why };
}

interface Command {
  kind: 'plain' | 'built';
  query: string;
  /** In a loop that commits nothing: however few rows one round touches, all of them stay locked to the end. */
  repeated: boolean;
}

const LOOPS = new Set(
  ['loop', 'while', 'fori', 'fors', 'forc', 'foreach_a', 'dynfors'].map((name) => `PLpgSQL_stmt_${name}`),
);

/** SQL statements of the block in the order of the text. */
function commandsOf(tree: unknown): Command[] {
  if (Array.isArray(tree)) return tree.flatMap(commandsOf);
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.entries(tree).flatMap(([key, value]): Command[] => {
    const found = commandsAt(key, value);
    if (!LOOPS.has(key) || JSON.stringify(value).includes('"PLpgSQL_stmt_commit"')) return found;
    return found.map((one) => ({ ...one, repeated: true }));
  });
}

function commandsAt(key: string, value: unknown): Command[] {
  if (key === 'PLpgSQL_stmt_execsql') return query('plain', (value as { sqlstmt?: unknown }).sqlstmt);
  if (key === 'PLpgSQL_stmt_perform') return query('plain', (value as { expr?: unknown }).expr);
  if (key === 'PLpgSQL_stmt_dynexecute' || key === 'PLpgSQL_stmt_dynfors') {
    return [...query('built', (value as { query?: unknown }).query), ...commandsOf((value as { body?: unknown }).body)];
  }
  return commandsOf(value);
}

function query(kind: Command['kind'], expression: unknown): Command[] {
  const text = (expression as { PLpgSQL_expr?: { query?: unknown } } | undefined)?.PLpgSQL_expr?.query;
  return typeof text === 'string' ? [{ kind, query: text, repeated: false }] : [];
}

/** Language of a DO statement. */
export function languageOf(args: readonly Node[]): string {
  for (const node of args) {
    if ('DefElem' in node && node.DefElem.defname === 'language') return textOf(node.DefElem.arg);
  }
  return 'plpgsql';
}
