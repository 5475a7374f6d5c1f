import type { Node, ParseResult, ScanResult } from 'libpg-query';
import { shipwayRemarks, shownStatement } from '../../../core/migration/read-script.ts';
import type { Deed, Statement } from '../../../core/migration/statement.ts';
import type { Dialect } from '../dialect.ts';
import { createLineCounter } from '../text-places.ts';
import { deedsOfNode } from './deeds-of-node.ts';
import { deedsOfBlock, languageOf, type Parsers } from './plpgsql.ts';
import { onlyComputes } from './trigger-function.ts';

const BYTES_MAX = 8 * 1024 * 1024; // about 30 s of parsing; more is a dump, not a migration

interface Grammar extends Parsers {
  parse(text: string): ParseResult;
  scan(text: string): ScanResult;
}

/** PostgreSQL's own parser, compiled to WebAssembly. Loaded by the first `read`: it costs a tenth of a second. */
export function openPostgresqlDialect(): Dialect {
  let loaded: Promise<Grammar> | null = null;
  return {
    kind: 'postgresql',
    async read(sql) {
      if (sql.trim() === '') return [];
      const nul = sql.indexOf('\0'); // ends a text in C: what follows would be neither read nor missed
      if (nul !== -1) return [unread(1, '', `it has a NUL at position ${nul}`)];
      const bytes = Buffer.byteLength(sql);
      if (bytes > BYTES_MAX) return [unread(1, '', `${bytes} bytes are more than the ${BYTES_MAX} that are read`)];
      return readAll(sql, await (loaded ??= loadGrammar()));
    },
  };
}

async function loadGrammar(): Promise<Grammar> {
  const { loadModule, parseSync, parsePlPgSQLSync, scanSync } = await import('libpg-query');
  await loadModule();
  return {
    parse: parseSync,
    scan: scanSync,
    plpgsql: parsePlPgSQLSync,
    sql: (text) => (parseSync(text).stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt])),
  };
}

function readAll(sql: string, grammar: Grammar): Statement[] {
  try {
    return statementsOf(sql, grammar);
  } catch {
    return readPieces(sql, grammar);
  }
}

/** Positions of the parser are bytes. */
function statementsOf(sql: string, grammar: Grammar): Statement[] {
  const bytes = Buffer.from(sql);
  const lineAt = createLineCounter(bytes.toString('latin1'));
  let end = 0;
  return (grammar.parse(sql).stmts ?? []).map(({ stmt, stmt_location: at = 0, stmt_len: length }) => {
    const from = end;
    end = length === undefined ? bytes.length : at + length;
    const text = bytes.subarray(at, end).toString();
    const start = at + Buffer.byteLength(leading(text));
    return {
      line: lineAt(start),
      text: shownStatement(text),
      remarks: shipwayRemarks(bytes.subarray(from, end).toString()),
      deeds: stmt === undefined ? [] : deedsIn(stmt, text, grammar),
    };
  });
}

/** White space and comments before the first word. */
function leading(text: string): string {
  return /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/.exec(text)?.[0] ?? '';
}

function deedsIn(node: Node, text: string, grammar: Grammar): Deed[] {
  if ('CreateFunctionStmt' in node) {
    const computes = onlyComputes(text, grammar);
    return deedsOfNode(node).map((deed) => (deed.kind === 'create-object' ? { ...deed, computes } : deed));
  }
  if (!('DoStmt' in node)) return deedsOfNode(node);
  const language = languageOf(node.DoStmt.args ?? []);
  if (language !== 'plpgsql') return [{ kind: 'opaque', why: `the block is written in ${language}` }];
  return deedsOfBlock(text, grammar, deedsOfNode);
}

/** One statement that cannot be read must not hide the others: split at the semicolons and read each by itself. */
function readPieces(sql: string, grammar: Grammar): Statement[] {
  const bytes = Buffer.from(sql);
  const lineAt = createLineCounter(bytes.toString('latin1'));
  let ends: number[];
  try {
    ends = grammar.scan(sql).tokens.flatMap((token) => (token.text === ';' ? [token.end] : []));
  } catch (error) {
    return [unread(1, '', `it cannot be read: ${String((error as Error).message)}`)];
  }
  let from = 0;
  return [...ends, bytes.length].flatMap((end) => {
    const text = bytes.subarray(from, end).toString();
    const line = lineAt(from + Buffer.byteLength(leading(text)));
    from = end;
    return readPiece(text, line, grammar);
  });
}

function readPiece(text: string, line: number, grammar: Grammar): Statement[] {
  if (text.slice(leading(text).length).replaceAll(';', '').trim() === '') return [];
  try {
    return statementsOf(text, grammar).map((one) => ({ ...one, line }));
  } catch (error) {
    return [
      {
        ...unread(line, text, `it cannot be read: ${String((error as Error).message)}`),
        remarks: shipwayRemarks(text),
      },
    ];
  }
}

function unread(line: number, text: string, why: string): Statement {
  return { line, text: shownStatement(text), remarks: [], deeds: [{ kind: 'opaque', why }] };
}
