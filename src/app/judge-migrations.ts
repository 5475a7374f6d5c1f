import { judgeMigration } from '../core/migration/judge-migration.ts';
import { NOTHING_KNOWN, type Finding, type Migration, type MigrationFacts } from '../core/migration/migration.ts';
import { readFacts } from '../core/migration/read-facts.ts';
import { migrationOf } from '../core/migration/read-script.ts';
import { DIALECT_NAMES, type DialectName } from '../core/migration/statement.ts';
import { planHead } from '../core/plan/build-plan.ts';
import { judgedParts } from '../core/plan/judged-parts.ts';
import { parseVersion } from '../core/plan/parse-version.ts';
import { problem } from '../core/release/problem.ts';
import { readPending, type ReadPending } from '../engine/gather-pending.ts';
import { listDirectory, readText } from '../platform/files.ts';
import type { App } from './app.ts';
import { chooseEnvironment } from './choose-environment.ts';

/** One judged migration. */
export interface Judgement {
  name: string;
  dialect: DialectName;
  /** Statements that go up. */
  statements: number;
  findings: Finding[];
}

export interface FilesRequest {
  /** Files, folders with .sql files, or text from elsewhere under a name of its own. */
  paths: string[];
  given: { name: string; text: string }[];
  dialect: string | null;
  factsPath: string | null;
  /** Whether the tool runs each file in one transaction; null when that is not known. */
  inTransaction: boolean | null;
}

/** Judges SQL files: each is one migration, with its way down in the file or in the `.down.sql` beside it. */
export async function judgeFiles(app: App, request: FilesRequest): Promise<Judgement[]> {
  const { adapters } = await app.tools();
  const dialect = dialectNamed(request.dialect ?? 'postgresql');
  const facts = await factsFrom(request.factsPath);
  const opened = adapters.dialect(dialect);
  const read = (sql: string) => opened.read(sql);
  const judgements: Judgement[] = [];
  const files = request.paths.flatMap(filesAt);
  const waysDown = new Set(files.map(wayDownOf));
  for (const name of files.filter((file) => !waysDown.has(file))) {
    const text = await textOf(name);
    const down = await wayDownBeside(name);
    const { inTransaction } = request;
    judgements.push(judge(await migrationOf({ name, dialect, text, down, inTransaction, read }), facts));
  }
  for (const { name, text } of request.given) {
    const { inTransaction } = request;
    judgements.push(judge(await migrationOf({ name, dialect, text, down: null, inTransaction, read }), facts));
  }
  return judgements;
}

/** Judges what the project's own tool says it would run for a version: the migration, and the contract where there is one. */
export async function judgePending(
  app: App,
  request: { environment: string | null; version: string; factsPath: string | null },
): Promise<Judgement[]> {
  const { config } = await app.releaseFile();
  const environment = chooseEnvironment(config, request.environment);
  const { migrate } = environment;
  if (migrate === null) {
    throw problem('usage', `${environment.name} of ${config.service} has no migration (migrate:)`, {
      where: `environments.${environment.name}.migrate`,
      next: 'Name the SQL files: shipway migrate check migrations/*.sql',
    });
  }
  const version = parseVersion(request.version);
  const head = planHead(config, environment, { version, commit: null });
  const effect = await app.effect(head, 'look/preview/0');
  const { adapters } = await app.tools();
  const { up, contract } = await readPending({ adapters, effect }, { config, environment, version });
  const unseen = [...(up.pending === null ? up.problems : []), ...(contract.pending === null ? contract.problems : [])];
  if (unseen.length > 0) throw notSeen(environment.name, unseen);
  const given = await factsFrom(request.factsPath);
  const withFacts = (read: ReadPending) =>
    read.pending === null ? null : { ...read.pending, facts: withGiven(read.pending.facts, given) };
  const seen = { pending: withFacts(up), contract: { ...contract, pending: withFacts(contract) } };
  return judgedParts(seen, migrate).map(({ migration: { name, dialect, up: statements }, findings }) => {
    return { name, dialect, statements: statements.length, findings };
  });
}

function notSeen(environment: string, problems: readonly string[]): Error {
  return problem('usage', `the migration of ${environment} cannot be seen before it runs (${problems.join('; ')})`, {
    where: `environments.${environment}.migrate`,
    next: 'Write the command that prints its SQL as "preview" below migrate: command:, or name SQL files: shipway migrate check migrations/*.sql',
  });
}

/** What a person says of the database goes before what was read there. */
function withGiven(read: MigrationFacts, given: MigrationFacts): MigrationFacts {
  return {
    tables: { ...read.tables, ...given.tables },
    unused: given.unused,
    engineVersion: given.engineVersion ?? read.engineVersion,
    lockTimeoutMs: given.lockTimeoutMs ?? read.lockTimeoutMs,
  };
}

export interface ShownMigrations {
  environment: string;
  revision: string | null;
  /** Null where the tool does not tell them one by one. */
  applied: string[] | null;
  pending: string[] | null;
  /** What the tool printed; null when it tells nothing but the revision. */
  status: string | null;
}

/** What the project's own tool tells about its migrations: its status, or only the revision. */
export async function showMigrations(
  app: App,
  request: { environment: string | null; version: string },
): Promise<ShownMigrations> {
  const { config } = await app.releaseFile();
  const environment = chooseEnvironment(config, request.environment);
  if (environment.migrate === null) {
    throw problem('usage', `${environment.name} of ${config.service} has no migration (migrate:)`, {
      next: 'Declare one: see docs/guide/migrations.md',
    });
  }
  const version = parseVersion(request.version);
  const effect = await app.effect(planHead(config, environment, { version, commit: null }), 'look/status/0');
  const migrator = (await app.tools()).adapters.migrator(environment.migrate);
  const revision = await migrator.revision(version, effect);
  const status = await migrator.status(version, effect);
  return {
    environment: environment.name,
    revision,
    applied: status?.applied ?? null,
    pending: status?.pending ?? null,
    status: status === null || status.text === '' ? null : status.text,
  };
}

function judge(migration: Migration, facts: MigrationFacts): Judgement {
  const { name, dialect, up } = migration;
  return { name, dialect, statements: up.length, findings: judgeMigration(migration, facts) };
}

function dialectNamed(name: string): DialectName {
  const found = DIALECT_NAMES.find((one) => one === name);
  if (found !== undefined) return found;
  throw problem('usage', `"${name}" is no SQL dialect that is judged`, {
    next: `Choose one: ${DIALECT_NAMES.join(', ')}`,
  });
}

async function factsFrom(path: string | null): Promise<MigrationFacts> {
  return path === null ? NOTHING_KNOWN : readFacts(await textOf(path), path);
}

async function textOf(path: string): Promise<string> {
  const text = await readText(path);
  if (text !== null) return text;
  throw problem('not-found', `there is no file ${path}`, {
    where: path,
    next: 'Name SQL files or folders that hold them.',
  });
}

/** The .sql files of a folder in the order of their names, which is the order they run in; a file as it is. */
function filesAt(path: string): string[] {
  if (path.endsWith('.sql')) return [path];
  const names = listDirectory(path).filter((name) => name.endsWith('.sql'));
  if (names.length > 0) return names.map((name) => `${path.replace(/\/+$/, '')}/${name}`);
  throw problem('not-found', `there is no .sql file in ${path}`, {
    where: path,
    next: 'Name SQL files or folders that hold them.',
  });
}

/** `7_note.up.sql` goes down by `7_note.down.sql`, `up.sql` by `down.sql`; any other name is its own. */
function wayDownOf(path: string): string | null {
  return /(?:^|[./])up\.sql$/.test(path) ? path.replace(/up\.sql$/, 'down.sql') : null;
}

async function wayDownBeside(path: string): Promise<{ sql: string } | null> {
  const beside = wayDownOf(path);
  const sql = beside === null ? null : await readText(beside);
  return sql === null ? null : { sql };
}
