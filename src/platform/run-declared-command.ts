import type { Effect } from './effect.ts';
import { resolveCommand, type DeclaredCommand } from './resolve-command.ts';
import { runCommand, type CommandResult } from './run-command.ts';

const LINES_SHOWN = 20; // the last lines nearly always hold the reason, and fit on a screen

/** What is the same for all commands of one adapter. */
export interface DeclaredSettings {
  directory: string;
  env: Record<string, string>;
  timeoutSeconds: number;
}

/** One command of an adapter. */
export interface NamedCommand {
  /** Stands before each line it prints, e.g. `deploy`; null when its output is data and is not shown. */
  label: string | null;
  argv: string[];
  bindings: Record<string, string>;
  /** How much of its output is kept; the end of it by default. */
  outputLimitBytes?: number;
}

/** Runs a command of the release file to its end, its lines reported as they come. Throws what `resolveCommand` and `runCommand` throw. */
export async function runDeclaredCommand(
  { label, argv, bindings, outputLimitBytes }: NamedCommand,
  { directory, env, timeoutSeconds }: DeclaredSettings,
  effect: Effect,
): Promise<CommandResult> {
  const declared: DeclaredCommand = { argv, directory, env };
  return runCommand({
    ...resolveCommand(declared, bindings, effect),
    timeoutSeconds,
    signal: effect.signal,
    token: effect.token,
    ...(outputLimitBytes === undefined ? {} : { outputLimitBytes }),
    ...(label === null ? {} : { onLine: (line: string) => effect.report(`${label}: ${line}`) }),
  });
}

/** `exit code 3` or `signal SIGKILL`. */
export function howItEnded(result: CommandResult): string {
  return result.exitCode === null ? `signal ${result.signal}` : `exit code ${result.exitCode}`;
}

/** The last lines of both streams, as the end of a sentence. */
export function lastLinesOf(result: CommandResult): string {
  const lines = `${result.stdout}\n${result.stderr}`.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length === 0) return '; it printed nothing';
  return `; it printed last:\n${lines
    .slice(-LINES_SHOWN)
    .map((line) => `  ${line}`)
    .join('\n')}`;
}
