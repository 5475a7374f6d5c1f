import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { removeTree, syncFile } from '../../../platform/files.ts';
import { howItEnded, lastLinesOf } from '../../../platform/run-declared-command.ts';
import { runCommand } from '../../../platform/run-command.ts';
import type { RedisAddress } from './redis-address.ts';

/** Copies a server whose folder is not within reach, as a replica would get it. The password goes through the environment. */
export async function receiveCopy(
  address: RedisAddress,
  to: string,
  timeoutSeconds: number,
  effect: Effect,
): Promise<void> {
  const { socketPath, host, port, isTls, username, password } = address;
  const place = socketPath === null ? ['-h', host, '-p', String(port)] : ['-s', socketPath];
  const user = username === null ? [] : ['--user', username];
  const result = await runCommand({
    argv: ['redis-cli', ...place, ...(isTls ? ['--tls'] : []), ...user, '--rdb', to],
    cwd: effect.projectDirectory,
    environment: { ...effect.environment({}), ...(password === null ? {} : { REDISCLI_AUTH: password }) },
    timeoutSeconds,
    signal: effect.signal,
    token: effect.token,
  });
  effect.signal.throwIfAborted();
  if (result.exitCode === 0) {
    await syncFile(to);
    return;
  }
  await removeTree(to);
  const why = result.timedOut ? `not within ${timeoutSeconds} s` : howItEnded(result);
  throw problem('backup-failed', `redis-cli could not receive a copy: ${why}${lastLinesOf(result)}`, {
    where: address.shown,
    next: 'Let the user of the url act as a replica (+psync +replconf), or name the `directory` of the server.',
  });
}
