import type { JsonObject } from '../../../core/release/json.ts';
import type { Effect } from '../../../platform/effect.ts';
import type { Maintenance, MaintenanceReport, MaintenanceRequest } from '../maintenance.ts';
import { SCAN_ROWS_MAX } from '../maintenance.ts';
import { lockableNames } from './content.ts';
import type { LiveDatabase } from './probe-server.ts';
import { withSession, type Session } from './session.ts';

/** Everything while the service writes: VACUUM here is the plain one, which holds no lock that a query waits for. */
export function postgresMaintenance(liveOf: (effect: Effect) => LiveDatabase): Maintenance {
  return {
    acts: ['count', 'check', 'analyze', 'vacuum', 'explain'],
    run: async (request, effect) => {
      const { address } = liveOf(effect).tools;
      const failure = { kind: 'check-failed' as const, what: `${request.act} cannot be done` };
      return withSession({ address, effect, failure }, (session) => run(session, request));
    },
  };
}

async function run(session: Session, { act, query }: MaintenanceRequest): Promise<MaintenanceReport> {
  switch (act) {
    case 'count':
      return { findings: [], figures: { rows: await countRows(session) } };
    case 'check':
      return check(session);
    case 'explain':
      return explain(session, query ?? '');
    case 'analyze':
      await session.query('ANALYZE');
      return { findings: [], figures: {} };
    case 'vacuum':
      return vacuum(session);
  }
}

async function countRows(session: Session): Promise<Record<string, number>> {
  const rows: Record<string, number> = {};
  for (const name of await tables(session)) {
    const [found] = await session.query<{ count: string }>(`SELECT count(*) AS count FROM ${name}`);
    rows[name] = Number(found?.count ?? 0);
  }
  return rows;
}

/** Partitioned tables have no rows of their own; their partitions are counted. */
async function tables(session: Session): Promise<string[]> {
  const partitioned = await session.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'p'`,
  );
  const parents = new Set(partitioned.map(({ name }) => name));
  return (await lockableNames(session)).filter((name) => !parents.has(name));
}

const INVALID = `
  SELECT format('index %I.%I is not valid: a CREATE INDEX CONCURRENTLY failed; drop it and make it again', n.nspname, c.relname) AS finding
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT i.indisvalid
  UNION ALL
  SELECT format('constraint %I of %s is not validated: rows from before may break it', conname, conrelid::regclass)
  FROM pg_constraint WHERE NOT convalidated
  UNION ALL
  SELECT format('the server found %s damaged pages of this database since %s', checksum_failures, checksum_last_failure)
  FROM pg_stat_database WHERE datname = current_database() AND checksum_failures > 0
  ORDER BY 1`;

const INDEXES = `
  SELECT c.oid::text AS oid, c.oid::regclass::text AS name
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE a.amname = 'btree' AND i.indisvalid AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

/** Reads every row, which also compares the checksums of the pages where the cluster has them, and every B-tree where amcheck is installed. */
async function check(session: Session): Promise<MaintenanceReport> {
  const findings = (await session.query<{ finding: string }>(INVALID)).map(({ finding }) => finding);
  const rows = await countRows(session);
  const [amcheck] = await session.query<{ schema: string }>(
    `SELECT format('%I', n.nspname) AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'`,
  );
  let indexes = 0;
  for (const { oid, name } of amcheck === undefined
    ? []
    : await session.query<{ oid: string; name: string }>(INDEXES)) {
    const fault = await session.query(`SELECT ${amcheck?.schema ?? ''}.bt_index_check(${oid}::oid, true)`).then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    if (fault !== null) findings.push(`index ${name}: ${fault}`);
    indexes += 1;
  }
  const [settings] = await session.query<{ on: string }>(`SELECT current_setting('data_checksums') AS on`);
  const figures: JsonObject = {
    rows,
    pageChecksums: settings?.on === 'on',
    indexesCompared: amcheck === undefined ? null : indexes,
  };
  return { findings, figures };
}

const SIZES = `
  SELECT pg_database_size(current_database())::text AS bytes, coalesce((SELECT sum(n_dead_tup) FROM pg_stat_user_tables), 0)::text AS dead`;

async function vacuum(session: Session): Promise<MaintenanceReport> {
  const [before] = await session.query<{ bytes: string; dead: string }>(SIZES);
  await session.query('VACUUM (ANALYZE)');
  const [after] = await session.query<{ bytes: string; dead: string }>(SIZES);
  const figures = {
    bytesBefore: Number(before?.bytes ?? 0),
    bytesAfter: Number(after?.bytes ?? 0),
    deadRowsBefore: Number(before?.dead ?? 0),
    deadRowsAfter: Number(after?.dead ?? 0),
  };
  return { findings: [], figures };
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  Schema?: string;
  'Total Cost': number;
  Plans?: PlanNode[];
}

async function explain(session: Session, query: string): Promise<MaintenanceReport> {
  await session.query('RESET search_path'); // the query is written for the service's own
  const [found] = await session.single<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
    `EXPLAIN (FORMAT JSON, VERBOSE) ${query}`,
  );
  const nodes = allNodes(found?.['QUERY PLAN'][0]?.Plan);
  const findings: string[] = [];
  for (const node of nodes.filter((one) => one['Node Type'] === 'Seq Scan')) {
    const name = `${node['Schema'] ?? 'public'}.${node['Relation Name'] ?? ''}`;
    const [size] = await session.query<{ rows: string }>(
      `SELECT c.reltuples::bigint AS rows FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname || '.' || c.relname = $1`,
      [name],
    );
    if (Number(size?.rows ?? 0) > SCAN_ROWS_MAX)
      findings.push(`reads all ${size?.rows ?? ''} rows of ${name}; an index would help`);
  }
  return {
    findings,
    figures: { plan: nodes.map((one) => [one['Node Type'], one['Relation Name'] ?? ''].join(' ').trim()) },
  };
}

function allNodes(node: PlanNode | undefined): PlanNode[] {
  return node === undefined ? [] : [node, ...(node['Plans'] ?? []).flatMap(allNodes)];
}
