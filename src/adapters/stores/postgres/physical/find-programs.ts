import { join } from 'node:path';
import { problem } from '../../../../core/release/problem.ts';
import type { Effect } from '../../../../platform/effect.ts';
import { runCommand } from '../../../../platform/run-command.ts';

const LIMIT_SECONDS = 60; // a busy machine needs some to start a program

/** The program `postgres` of that major version: no other can read the files. */
export async function findServerProgram(folder: string | null, major: number, effect: Effect): Promise<string> {
  const places =
    folder === null ? [`/usr/lib/postgresql/${major}/bin/postgres`, 'postgres'] : [join(folder, 'postgres')];
  const found: string[] = [];
  for (const program of places) {
    const version = await versionOf(program, effect);
    if (version === null) continue;
    if (version === major) return program;
    found.push(`${program} is ${version}`);
  }
  const what = found.length === 0 ? 'none was found' : found.join(', ');
  throw problem('backup-failed', `a copy of PostgreSQL ${major} is proven with that version alone: ${what}`, {
    where: 'stores: postgres: physical: programs',
    next: `Install postgresql-${major} (its service may stay switched off), or name the folder of its programs as physical.programs.`,
  });
}

async function versionOf(program: string, effect: Effect): Promise<number | null> {
  const request = { argv: [program, '--version'], cwd: '/', environment: effect.environment({}) };
  const result = await runCommand({
    ...request,
    timeoutSeconds: LIMIT_SECONDS,
    signal: effect.signal,
    token: effect.token,
  }).catch(() => null); // not there, or not for us: another place is tried
  effect.signal.throwIfAborted();
  const found = /\(PostgreSQL\) (\d+)/.exec(result?.stdout ?? '');
  return found === null ? null : Number(found[1]);
}
