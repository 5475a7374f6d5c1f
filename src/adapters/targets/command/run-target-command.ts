import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { resolveCommand } from '../../../platform/resolve-command.ts';
import { runCommand, type CommandResult } from '../../../platform/run-command.ts';
import type { CommandSettings } from './settings.ts';

const LINES_SHOWN = 20; // the last lines nearly always hold the reason, and fit on a screen

export interface TargetCommand {
  /** For messages: `deploy`, `observe`, `revert`. */
  name: string;
  argv: string[];
  bindings: Record<string, string>;
}

/** Runs one of the three commands to its end; throws `stopped` on abort and `command-timed-out` at the limit. */
export async function runTargetCommand(
  command: TargetCommand,
  settings: CommandSettings,
  effect: Effect,
): Promise<CommandResult> {
  const { argv, cwd, environment } = resolveCommand(
    { argv: command.argv, directory: settings.directory, env: settings.env },
    command.bindings,
    effect,
  );
  const isShown = command.name !== 'observe'; // looking is done often, and its output is data
  const result = await runCommand({
    argv,
    cwd,
    environment,
    timeoutSeconds: settings.timeoutSeconds,
    signal: effect.signal,
    token: effect.token,
    ...(isShown ? { onLine: (line: string) => effect.report(`${command.name}: ${line}`) } : {}),
  });
  const where = `target.command.${command.name}`;
  if (result.aborted) {
    const next = 'Nothing: whoever stopped it decides.';
    throw problem('stopped', `${command.name} was stopped before its end`, { where, next });
  }
  if (!result.timedOut) return result;
  throw problem(
    'command-timed-out',
    `${command.name} did not end within ${settings.timeoutSeconds} s and was stopped${lastLines(result)}`,
    {
      where,
      next: 'Find out what it waits for, or raise "timeout".',
    },
  );
}

/** How a command ended and the last lines of both its streams, for a message. */
export function endingOfCommand(result: CommandResult): string {
  const how = result.exitCode === null ? `signal ${result.signal}` : `exit code ${result.exitCode}`;
  return `${how}${lastLines(result)}`;
}

function lastLines(result: CommandResult): string {
  const lines = `${result.stdout}\n${result.stderr}`.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length === 0) return '; it printed nothing';
  return `; it printed last:\n${lines
    .slice(-LINES_SHOWN)
    .map((line) => `  ${line}`)
    .join('\n')}`;
}
