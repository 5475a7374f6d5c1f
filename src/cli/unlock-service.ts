import { existingMemory } from '../app/existing-memory.ts';
import { problem } from '../core/release/problem.ts';
import { confirm } from './ask.ts';
import { exitCode } from './exit-codes.ts';
import type { Session } from './session.ts';

/** Asks, then takes away what a person has looked at. */
export async function unlockService(
  session: Session,
  service: string,
  given: { version?: string; reason: string },
): Promise<number> {
  const { unlock } = await import('../app/unlock.ts');
  const { options, screen } = session;
  const request = { service, environment: options.env, version: given.version ?? null, reason: given.reason };
  const parts = [
    ...(request.version === null ? [] : [`let ${service} ${request.version} out of quarantine`]),
    ...(request.environment === null ? [] : [`lift hold and lock of ${service} ${request.environment}`]),
  ];
  if (parts.length === 0) {
    throw problem('usage', 'nothing is named that could be unlocked', {
      next: `Add --env ENV (hold, lock) or --version VERSION (quarantine): shipway unlock ${service} --env production --reason "..."`,
    });
  }
  const app = await session.app();
  await existingMemory(app);
  if (options.dryRun) {
    if (screen.isJson) screen.json({ service, how: 'would', what: parts });
    else screen.lines(parts.map((part) => `would ${part}`));
    return exitCode('done');
  }
  await confirm(session, `${sentence(parts)}?`);
  const done = await unlock(app, request);
  if (screen.isJson) screen.json({ service, how: 'done', what: done });
  else screen.lines(done);
  return exitCode('done');
}

function sentence(parts: string[]): string {
  const text = parts.join(' and ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
