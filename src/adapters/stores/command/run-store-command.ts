import { problem, type ProblemKind } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { howItEnded, lastLinesOf, runDeclaredCommand } from '../../../platform/run-declared-command.ts';
import type { CommandStoreSettings } from './settings.ts';

export type StoreCommandName =
  'backup' | 'restore' | 'check' | 'fingerprint' | 'size' | 'swap' | 'swap-back' | 'discard';

export interface StoreCommand {
  name: StoreCommandName;
  argv: string[];
  bindings: Record<string, string>;
}

/** Runs one of the commands to success and gives back its last line; its failure is a problem of the given kind. */
export async function runStoreCommand(
  { name, argv, bindings }: StoreCommand,
  settings: CommandStoreSettings,
  failure: ProblemKind,
  effect: Effect,
): Promise<string> {
  effect.signal.throwIfAborted();
  const isData = name === 'fingerprint' || name === 'size';
  const result = await runDeclaredCommand({ label: isData ? null : name, argv, bindings }, settings, effect);
  const where = `command.${name}`;
  if (result.aborted) {
    throw problem('stopped', `${name} was aborted before its end`, {
      where,
      next: 'Nothing: whoever stopped it decides.',
    });
  }
  if (result.timedOut) {
    throw problem(
      failure,
      `${name} did not end within ${settings.timeoutSeconds} s and was stopped${lastLinesOf(result)}`,
      {
        where,
        next: 'Find out what it waits for, or raise `timeout` of the store.',
      },
    );
  }
  if (result.exitCode === 0) return result.stdout.trimEnd().split(/\r?\n/).at(-1)?.trim() ?? '';
  throw problem(failure, `${name} failed with ${howItEnded(result)}${lastLinesOf(result)}`, {
    where,
    next: nextOf(failure, name),
  });
}

function nextOf(failure: ProblemKind, name: StoreCommandName): string {
  return failure === 'backup-invalid'
    ? `Use another backup, or correct the ${name} command if the copy is good.`
    : `Correct what the ${name} command says and try again.`;
}
