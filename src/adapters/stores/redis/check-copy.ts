import { problem } from '../../../core/release/problem.ts';
import { errorCode } from '../../../platform/error-code.ts';
import type { Effect } from '../../../platform/effect.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import { runCommand } from '../../../platform/run-command.ts';
import type { Capture } from '../store.ts';
import { redisProblem, type RedisConnection } from './connection.ts';
import { fingerprintOf, type Description } from './description.ts';
import { readContent, type Content, type ExpiringKeys } from './read-content.ts';
import { withScratchServer, type ScratchSettings } from './scratch-server.ts';

const MINUTE_MS = 60_000;

/** A copy as a server of our own sees it, and the minute in which the reading ended by that server's clock. */
export interface ReadCopy {
  content: Content;
  minute: number;
}

/** Loads a copy with the engine itself and reads all of it; throws `backup-invalid` for one that does not load. */
export async function readCopy(copy: string, settings: ScratchSettings, effect: Effect): Promise<ReadCopy> {
  const facts = await factsOf(copy);
  if (facts?.type !== 'file' || facts.bytes === 0) throw invalid('the copy of the Redis data is missing', copy);
  await checkForm(copy, settings, effect);
  try {
    return await withScratchServer(copy, settings, effect, readServer);
  } catch (error) {
    throw redisProblem('backup-invalid', 'the copy cannot be read', copy, error);
  }
}

/** Reads all of a server that has loaded a copy. */
export async function readServer(connection: RedisConnection): Promise<ReadCopy> {
  const content = await readContent(connection);
  return { content, minute: await minuteOf(connection) };
}

async function minuteOf(connection: RedisConnection): Promise<number> {
  const time = await connection.call('TIME');
  return Math.floor((Number(String(Array.isArray(time) ? time[0] : 0)) * 1000) / MINUTE_MS);
}

/** The check program says at which byte a copy is damaged. Where it is not installed, loading finds the same faults. */
async function checkForm(copy: string, { server, timeoutSeconds }: ScratchSettings, effect: Effect): Promise<void> {
  const program = server.replace(/-server$/, '-check-rdb');
  if (program === server) return;
  const request = {
    argv: [program, copy],
    cwd: effect.projectDirectory,
    environment: effect.environment({}),
    timeoutSeconds,
    signal: effect.signal,
    token: effect.token,
  };
  const result = await runCommand(request).catch((error: unknown) => {
    if (errorCode(error instanceof Error ? error.cause : null) === 'ENOENT') return null;
    throw error;
  });
  effect.signal.throwIfAborted();
  if (result === null || result.exitCode === 0) return;
  const lines = result.stdout.split('\n').filter((line) => /ERROR|offset|additional info/i.test(line));
  throw invalid(`the copy is damaged: ${lines.slice(-3).join('; ') || 'its check did not end well'}`, copy);
}

/** Throws `backup-invalid` with the first thing in which a copy differs from what was captured. */
export async function checkCopy(
  copy: string,
  { recorded, description }: { recorded: Capture; description: Description },
  settings: ScratchSettings,
  effect: Effect,
): Promise<Content> {
  const read = await readCopy(copy, settings, effect);
  requireAsCaptured(read, { recorded, description }, copy);
  return read.content;
}

/** Throws `backup-invalid` with the first thing in which what was read differs from what was captured. */
export function requireAsCaptured(
  { content, minute }: ReadCopy,
  { recorded, description }: { recorded: Capture; description: Description },
  copy: string,
): void {
  const names = new Set([...Object.keys(recorded.counters), ...Object.keys(content.counters)]);
  for (const name of [...names].sort()) {
    const [then, now] = [recorded.counters[name] ?? 0, content.counters[name] ?? 0];
    if (then !== now) throw invalid(`${name}: ${now} in the copy, ${then} were captured`, copy);
  }
  const sealed = fingerprintOf({ lasting: content.lasting, expiring: description.expiring });
  if (sealed !== recorded.fingerprint) throw invalid('the content differs from what was captured', copy);
  const stillThere = (line: ExpiringKeys): boolean => line.minute > minute;
  const [then, now] = [description.expiring, content.expiring].map((lines) => JSON.stringify(lines.filter(stillThere)));
  if (then !== now) throw invalid('keys with an end differ from what was captured', copy);
}

function invalid(what: string, where: string): Error {
  return problem('backup-invalid', what, { where, next: 'Use another backup: shipway backup list shows them.' });
}
