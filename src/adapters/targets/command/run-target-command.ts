import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import type { CommandResult } from '../../../platform/run-command.ts';
import { lastLinesOf, runDeclaredCommand } from '../../../platform/run-declared-command.ts';
import type { CommandSettings } from './settings.ts';

export interface TargetCommand {
  name: 'deploy' | 'observe' | 'revert';
  argv: string[];
  bindings: Record<string, string>;
}

/** Runs one of the three commands to its end; throws `stopped` on abort and `command-timed-out` at the limit. */
export async function runTargetCommand(
  { name, argv, bindings }: TargetCommand,
  settings: CommandSettings,
  effect: Effect,
): Promise<CommandResult> {
  const label = name === 'observe' ? null : name; // looking is done often, and its output is data
  const result = await runDeclaredCommand({ label, argv, bindings }, settings, effect);
  const where = `target.command.${name}`;
  if (result.aborted) {
    const next = 'Nothing: whoever stopped it decides.';
    throw problem('stopped', `${name} was stopped before its end`, { where, next });
  }
  if (!result.timedOut) return result;
  const limit = `${settings.timeoutSeconds} s`;
  throw problem('command-timed-out', `${name} did not end within ${limit} and was stopped${lastLinesOf(result)}`, {
    where,
    next: 'Find out what it waits for, or raise "timeout".',
  });
}
