import { join } from 'node:path';
import { z } from 'zod';
import { problem } from '../../../core/release/problem.ts';
import { timestamp } from '../../../platform/clock.ts';
import type { Effect } from '../../../platform/effect.ts';
import { ensureDirectory, readText, writeAtomically } from '../../../platform/files.ts';
import { refuseStale } from '../refuse-stale.ts';

const KEPT = 50; // a rollback goes a few versions back

const deployed = z.strictObject({ version: z.string(), release: z.string(), startedAt: z.string() });
const record = z.strictObject({
  format: z.literal(1),
  /** The last attempt, written before its command runs and again when the observe command has agreed. */
  attempt: z.strictObject({
    release: z.string(),
    state: z.enum(['deploying', 'deployed', 'reverting', 'reverted']),
    token: z.string(),
  }),
  /** What was deployed, or begun, and not taken back, newest last. */
  deployed: z.array(deployed),
});

/** Tells which release a running version belongs to. What runs, only the observe command tells. */
export type DeployRecord = z.infer<typeof record>;

export interface DeployScope {
  service: string;
  environment: string;
}

function fileOf(scope: DeployScope, effect: Effect): string {
  return join(effect.stateDirectory, 'targets', `${scope.service}_${scope.environment}.json`);
}

/** Null when nothing was deployed from here. */
export async function readDeployRecord(scope: DeployScope, effect: Effect): Promise<DeployRecord | null> {
  const path = fileOf(scope, effect);
  const text = await readText(path);
  if (text === null) return null;
  try {
    return record.parse(JSON.parse(text));
  } catch (cause) {
    throw problem('cannot-tell', `the record of the deploys of ${scope.service} to ${scope.environment} is damaged`, {
      where: path,
      next: 'Delete this file; the next release then deploys anew.',
      cause,
    });
  }
}

/** Writes down how far an attempt is; refused as `stale-worker` when a later attempt has written meanwhile. */
export async function writeAttempt(
  scope: DeployScope,
  attempt: { version: string; release: string; state: DeployRecord['attempt']['state'] },
  effect: Effect,
): Promise<void> {
  const before = await readDeployRecord(scope, effect);
  if (before !== null) refuseStale(before.attempt.token, effect.token);
  const { version, release, state } = attempt;
  const others = (before?.deployed ?? []).filter((one) => one.release !== release);
  const startedAt = timestamp(effect.clock.nowMs());
  const isTakenBack = state === 'reverting' || state === 'reverted';
  const next: DeployRecord = {
    format: 1,
    attempt: { release, state, token: effect.token },
    deployed: (isTakenBack ? others : [...others, { version, release, startedAt }]).slice(-KEPT),
  };
  await ensureDirectory(join(effect.stateDirectory, 'targets'));
  await writeAtomically(fileOf(scope, effect), `${JSON.stringify(next, null, 2)}\n`);
}
