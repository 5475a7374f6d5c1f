import { join, resolve } from 'node:path';
import { identityIn, isIdentity, openKeyRing, type KeyRing } from '../adapters/vaults/index.ts';
import { isBackupOf } from '../core/backup/backup-id.ts';
import type { BackupKeys } from '../core/config/service-config.ts';
import type { Plan } from '../core/plan/plan.ts';
import { isProblem, problem } from '../core/release/problem.ts';
import { errorCode } from '../platform/error-code.ts';
import { readText } from '../platform/files.ts';
import { registerSecret } from '../platform/redact.ts';
import { backupNeeds } from '../state/backup-needs.ts';
import type { Database } from '../state/open-database.ts';
import { variablesFor } from './variables-for.ts';

const NO_KEYS: BackupKeys = { recipients: [], identity: null, signers: [] };

/** The keys of a project for the backups of a plan. */
export function keyRingOf(plan: Plan, projectDirectory: string): KeyRing {
  const { recipients, signers, identity } = plan.backupKeys ?? NO_KEYS;
  return openKeyRing({
    folder: folderOf(projectDirectory),
    recipients,
    signers,
    identity: async () => (identity === null ? null : resolveIdentity(plan, projectDirectory, identity)),
  });
}

function folderOf(projectDirectory: string): string {
  return join(projectDirectory, '.shipway', 'keys');
}

/** Late, and masked from then on. A variable that is not set is no error: most machines have no identity, and must not. */
async function resolveIdentity(plan: Plan, projectDirectory: string, written: string): Promise<string | null> {
  const value = valueOf(plan, projectDirectory, written);
  if (value === null || value === '') return null;
  const identity = isIdentity(value) ? value : await fromFile(resolve(projectDirectory, value), written);
  registerSecret('the backup identity', identity);
  return identity;
}

function valueOf(plan: Plan, projectDirectory: string, written: string): string | null {
  try {
    return variablesFor(projectDirectory, plan).resolve(written).trim();
  } catch (error) {
    if (isProblem(error) && error.kind === 'variable-missing') return null;
    throw error;
  }
}

/** Named as it is written in the release file: what the variable holds may be a slip of a secret, and is never shown. */
async function fromFile(path: string, written: string): Promise<string> {
  const text = path.includes('AGE-SECRET-KEY-') ? '' : await readText(path).catch(unlessFolder(written));
  if (text !== null) return identityIn(text, `backups.encryption.identity: ${written}`);
  throw problem('not-found', 'the file with the identity of backups is not there', {
    where: `backups.encryption.identity: ${written}`,
    next: 'Write a path that is there, or the identity itself into the variable.',
  });
}

function unlessFolder(written: string) {
  return (error: unknown): never => {
    if (errorCode(error) !== 'EISDIR') throw error;
    throw problem('config-invalid', 'the identity of backups is a folder, and not a file', {
      where: `backups.encryption.identity: ${written}`,
      next: 'Write the path of the file with the identity, or the identity itself, into the variable.',
    });
  };
}

/** Deletes the data keys of a place that no open or held release can need. */
export async function forgetKeys(
  projectDirectory: string,
  openDatabase: () => Promise<Database>,
  place: { service: string; environment: string },
): Promise<void> {
  const keys = openKeyRing({
    folder: folderOf(projectDirectory),
    recipients: [],
    signers: [],
    identity: async () => null,
  });
  const kept = (await keys.keptForReleases()).filter(({ backup }) =>
    isBackupOf(backup, place.service, place.environment),
  );
  if (kept.length === 0) return;
  const { open, held } = await backupNeeds((await openDatabase()).db, place);
  const needed = new Set([...open.map(({ release }) => release), ...(held === null ? [] : [held])]);
  for (const { backup, release } of kept) if (!needed.has(release)) await keys.forget(backup);
}
