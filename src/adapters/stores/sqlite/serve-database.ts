import Database from 'libsql/promise';
import { answerParent } from '../../../platform/answer-parent.ts';
import type { Cell, DatabaseRequest, Page } from './database-request.ts';

interface RawStatement {
  raw(on: boolean): void;
  safeIntegers(on: boolean): void;
  iterate(): Promise<Iterator<Cell[]>>;
}
interface RawDatabase {
  exec(sql: string): Promise<unknown>;
  prepare(sql: string): Promise<RawStatement>;
  interrupt(): void;
  close(): void;
}

const PAGE_ROWS = 100; // as many as the library fetches at once

let database: RawDatabase | null = null;
let rows: Iterator<Cell[]> | null = null;

/** The process that holds one database open for connection.ts. */
answerParent(
  async (request) => answer(request as DatabaseRequest),
  () => database?.interrupt(),
  () => database?.close(),
);

async function answer(request: DatabaseRequest): Promise<Page | null> {
  if (request.do === 'open') {
    database = new Database(request.uri, { timeout: request.busyMs }) as unknown as RawDatabase;
    return null;
  }
  if (database === null) throw new Error('no database is open');
  if (request.do === 'exec') {
    await database.exec(request.sql);
    return null;
  }
  if (request.do === 'rows') rows = await begin(database, request.sql);
  return nextPage();
}

async function begin(opened: RawDatabase, sql: string): Promise<Iterator<Cell[]>> {
  const statement = await opened.prepare(sql);
  statement.raw(true);
  statement.safeIntegers(true);
  return statement.iterate();
}

function nextPage(): Page {
  const page: Page = { rows: [], isLast: true };
  for (let next = rows?.next(); next !== undefined && next.done !== true; next = rows?.next()) {
    page.rows.push(next.value);
    if (page.rows.length === PAGE_ROWS) return { ...page, isLast: false };
  }
  rows = null;
  return page;
}
