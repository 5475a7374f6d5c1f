import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, exists, removeTree, writeAtomically } from '../../../platform/files.ts';
import { gap } from '../../../platform/gap.ts';
import type { CommandResult } from '../../../platform/run-command.ts';
import { howItEnded, lastLinesOf, runDeclaredCommand } from '../../../platform/run-declared-command.ts';
import { findHolder } from './connection.ts';
import type { DuckdbSettings } from './settings.ts';

/**
 * Stops the service that holds the file, acts, and starts it again whatever came of it. A service that does not run is neither stopped
 * nor started; one that an earlier call stopped and could not start, because it was killed, is started now.
 */
export async function whilePaused<Result>(
  live: string,
  settings: DuckdbSettings & { pause: NonNullable<DuckdbSettings['pause']> },
  effect: Effect,
  act: () => Promise<Result>,
): Promise<Result> {
  const note = noteOf(live, effect);
  if (!exists(note) && (await findHolder(live, effect.signal)) === null) return act();
  // Before the deed: whoever comes after us must know that the service is to be started again.
  await ensureDirectory(join(effect.stateDirectory, 'paused'));
  await writeAtomically(note, `${JSON.stringify({ database: live })}\n`);
  let failure: unknown = null;
  try {
    await run({ name: 'stop', argv: settings.pause.stop, live }, settings, effect);
    await gap('stores.duckdb.paused');
    return await act();
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    await startAgain(live, settings, effect, failure);
    await removeTree(note);
  }
}

function noteOf(live: string, effect: Effect): string {
  const digest = createHash('sha256').update(live).digest('hex').slice(0, 16);
  return join(effect.stateDirectory, 'paused', `${digest}.json`);
}

/** An abort stops the copy, never this: a service that stays stopped is worse than a backup that takes longer. */
async function startAgain(
  live: string,
  settings: DuckdbSettings & { pause: NonNullable<DuckdbSettings['pause']> },
  effect: Effect,
  failure: unknown,
): Promise<void> {
  // Without our token: what the command puts into the background must outlive this step, and whoever clears up after it.
  const unstoppable = { ...effect, token: '', signal: new AbortController().signal };
  try {
    await run({ name: 'start', argv: settings.pause.start, live }, settings, unstoppable);
  } catch (error) {
    const why = failure instanceof Error ? `; the copy had failed before: ${failure.message}` : '';
    const reason = error instanceof Error ? error.message : String(error);
    throw problem('backup-failed', `the service was stopped for the copy and was not started again: ${reason}${why}`, {
      where: 'stores.duckdb.start',
      next: `Start it by hand: ${settings.pause.start.join(' ')}`,
      cause: error,
    });
  }
}

async function run(
  { name, argv, live }: { name: 'stop' | 'start'; argv: string[]; live: string },
  settings: DuckdbSettings,
  effect: Effect,
): Promise<void> {
  const result = await runDeclaredCommand({ label: name, argv, bindings: { DATABASE: live } }, settings, effect);
  if (result.aborted) effect.signal.throwIfAborted();
  if (result.exitCode !== 0 || result.timedOut) throw failed(name, result, settings);
}

/** A command of the store that did not end well, as a problem. */
export function failed(name: string, result: CommandResult, settings: DuckdbSettings): Error {
  const how = result.timedOut
    ? `did not end within ${settings.timeoutSeconds} s and was stopped`
    : `failed with ${howItEnded(result)}`;
  return problem('backup-failed', `the ${name} command ${how}${lastLinesOf(result)}`, {
    where: `stores.duckdb.${name}`,
    next: result.timedOut ? 'Find out what it waits for, or raise "timeout".' : `Correct the ${name} command.`,
  });
}
