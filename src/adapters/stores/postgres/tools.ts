import { problem, type Problem, type ProblemKind } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { runCommand, type CommandResult } from '../../../platform/run-command.ts';
import { describeAddress, toolArguments, toolEnvironment, type Address } from './address.ts';

/** Which programs, and where they run. */
export interface Tools {
  address: Address;
  /** Put before the program, or empty. */
  through: string[];
}

export interface ToolRun {
  program: 'pg_dump' | 'pg_restore' | 'pg_amcheck';
  arguments: readonly string[];
  /** Given to the program as user and database; null for work on a file alone. */
  database: string | null;
  inputFile?: string;
  outputFile?: string;
  /** For its connections, as PGOPTIONS has them; beside the server there are none. */
  settings?: string;
  limitSeconds?: number;
}

const LIMIT_SECONDS = 12 * 3600; // a terabyte at 25 MB/s takes 11 h
const VERSION_LIMIT_SECONDS = 60; // a container on a busy machine needs some to start a program in it
const SAID_LINES = 6; // pg_restore says the error, the object and the statement

/** Runs one of PostgreSQL's own programs; the password goes through the environment only. */
export async function runTool(tools: Tools, run: ToolRun, effect: Effect): Promise<CommandResult> {
  const isBeside = tools.through.length > 0;
  const connection = run.database === null ? [] : toolArguments(tools.address, run.database);
  const result = await runCommand({
    argv: [...tools.through, run.program, ...connection, ...run.arguments],
    cwd: effect.projectDirectory,
    // Not as `extra` of the environment: there a dollar in a password would be taken for a variable.
    environment: { ...effect.environment({}), ...withSettings(toolEnvironment(tools.address, isBeside), run.settings) },
    timeoutSeconds: run.limitSeconds ?? LIMIT_SECONDS,
    signal: effect.signal,
    token: effect.token,
    ...(run.inputFile === undefined ? {} : { inputFile: run.inputFile }),
    ...(run.outputFile === undefined ? {} : { outputFile: run.outputFile }),
  });
  if (result.aborted) effect.signal.throwIfAborted();
  return result;
}

function withSettings(environment: Record<string, string>, settings = ''): Record<string, string> {
  return { ...environment, PGOPTIONS: [environment['PGOPTIONS'], settings].join(' ').trim() };
}

/** What to throw for a program that did not end well. */
export function toolProblem(
  kind: ProblemKind,
  run: { program: string; where: string },
  result: CommandResult,
): Problem {
  const lines = result.stderr.split('\n').filter((line) => line.trim() !== '');
  const said = lines.slice(-SAID_LINES).join('; ');
  const isDiskFull = /No space left on device|Disk quota exceeded|could not extend file/.test(result.stderr);
  return problem(
    isDiskFull ? 'disk-full' : kind,
    `${run.program} ${endingOf(result)}${said === '' ? '' : `: ${said}`}`,
    {
      where: run.where,
      next: nextFor(result.stderr, isDiskFull),
    },
  );
}

function endingOf(result: CommandResult): string {
  if (result.timedOut) return 'took longer than its limit';
  return result.signal === null ? `failed with exit code ${result.exitCode}` : `was ended by ${result.signal}`;
}

function nextFor(stderr: string, isDiskFull: boolean): string {
  if (isDiskFull) return 'Make room on that disk and try again.';
  const role = /role "([^"]+)" does not exist/.exec(stderr)?.[1];
  if (role !== undefined)
    return `Create the role first: CREATE ROLE "${role}"; roles belong to the server and are in no backup.`;
  if (/must be (owner|superuser|able to SET ROLE|member)|permission denied/.test(stderr))
    return 'Use the owner of the database, or a superuser, in the url of the store.';
  return 'Read what the program says, mend it and try again.';
}

/** Throws unless the programs are there and not older than the server: an old pg_dump refuses a newer server. */
export async function requireTools(tools: Tools, serverMajor: number, effect: Effect): Promise<{ pgDump: string }> {
  const [pgDump] = await Promise.all([
    versionOf('pg_dump', tools, serverMajor, effect),
    versionOf('pg_restore', tools, serverMajor, effect),
  ]);
  return { pgDump };
}

async function versionOf(
  program: 'pg_dump' | 'pg_restore',
  tools: Tools,
  serverMajor: number,
  effect: Effect,
): Promise<string> {
  const where = tools.through.length > 0 ? tools.through.join(' ') : describeAddress(tools.address);
  const next =
    `Install the client programs of PostgreSQL ${serverMajor} (postgresql-client-${serverMajor}) and put them first in PATH, ` +
    'or use those beside the server: through: [docker, exec, -i, <container>].';
  const run = { program, arguments: ['--version'], database: null, limitSeconds: VERSION_LIMIT_SECONDS };
  const result = await runTool(tools, run, effect).catch((error: unknown) => {
    effect.signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw problem('backup-failed', `${program} cannot be used: ${reason}`, { where, next, cause: error });
  });
  const version = /\(PostgreSQL\) (\d+)([.\d]*)/.exec(result.stdout);
  if (result.exitCode !== 0 || version === null) throw toolProblem('backup-failed', { program, where }, result);
  const [, major = '0', rest = ''] = version;
  if (Number(major) >= serverMajor) return major + rest;
  throw problem(
    'backup-failed',
    `${program} ${major}${rest} is older than the server, which is PostgreSQL ${serverMajor}`,
    {
      where,
      next,
    },
  );
}
