import { problem } from '../../../../core/release/problem.ts';
import type { Effect } from '../../../../platform/effect.ts';
import { factsOf } from '../../../../platform/file-tree.ts';
import type { UserIds } from '../../../../platform/ownership.ts';
import { runCommand } from '../../../../platform/run-command.ts';

const LIMIT_SECONDS = 60;

/** As whom a copy is started: PostgreSQL refuses root. Null: as ourselves. */
export async function serverUser(
  directory: string | null,
  recorded: UserIds | null,
  effect: Effect,
): Promise<UserIds | null> {
  if (process.getuid?.() !== 0) return null;
  const live = directory === null ? null : await factsOf(directory);
  for (const owner of [live, recorded])
    if (owner !== null && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const [uid, gid] = [await numberOf('-u', effect), await numberOf('-g', effect)];
  if (uid !== null && gid !== null && uid !== 0) return { uid, gid };
  throw problem('backup-failed', 'PostgreSQL does not run as root, and there is no user postgres on this machine', {
    where: 'stores: postgres: physical',
    next: 'Create the user (useradd --system postgres), or run shipway as another user than root.',
  });
}

async function numberOf(flag: '-u' | '-g', effect: Effect): Promise<number | null> {
  const result = await runCommand({
    argv: ['id', flag, 'postgres'],
    cwd: '/',
    environment: effect.environment({}),
    timeoutSeconds: LIMIT_SECONDS,
    signal: effect.signal,
    token: effect.token,
  });
  return result.exitCode === 0 ? Number(result.stdout.trim()) : null;
}
