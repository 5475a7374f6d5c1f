import { basename, dirname, join } from 'node:path';
import { downParts, DOWN_FOLDER, ENVIRONMENT_NOW, ENVIRONMENT_STARTED } from '../../core/backup/backup-context.ts';
import { readSnapshot } from '../../core/backup/environment-snapshot.ts';
import { problem } from '../../core/release/problem.ts';
import { ensureDirectory, writeAtomically } from '../../platform/files.ts';
import type { Sealed, Vault } from './vault.ts';

/** Opens every part that belongs to no store; throws `backup-invalid` naming the one that is wrong. */
export async function verifyContext(vault: Vault, sealed: Sealed): Promise<void> {
  for (const { path } of sealed.manifest.context?.parts ?? []) {
    const bytes = await vault.readContext(sealed, path);
    if (isSnapshot(path) && readSnapshot(bytes) === null) throw unreadable(path, sealed);
  }
}

/** The files of the way down, by their path in the project. */
export async function readDown(vault: Vault, sealed: Sealed): Promise<{ path: string; bytes: Buffer }[]> {
  const files: { path: string; bytes: Buffer }[] = [];
  for (const { path } of downParts(sealed.manifest.context ?? { parts: [] })) {
    files.push({ path: path.slice(DOWN_FOLDER.length + 1), bytes: await vault.readContext(sealed, path) });
  }
  return files;
}

/**
 * Writes them into a folder: the files of the way down at their paths below `_context/down`, the env file under its own name below
 * `_context/environment`, the variables as JSON beside it.
 */
export async function extractContext(vault: Vault, sealed: Sealed, into: string): Promise<void> {
  for (const { path, bytes } of await readDown(vault, sealed)) await writeNew(join(into, DOWN_FOLDER, path), bytes);
  for (const { path } of sealed.manifest.context?.parts ?? []) {
    if (!isSnapshot(path)) continue;
    const snapshot = readSnapshot(await vault.readContext(sealed, path));
    if (snapshot === null) throw unreadable(path, sealed);
    const { file, variables } = snapshot;
    const folder = join(into, path.replace(/\.json$/, ''));
    // The path comes from a release file of that time; only its last name is used here.
    if (file !== null)
      await writeNew(join(folder, basename(file.path)), Buffer.from(file.content, 'base64'), file.mode);
    await writeNew(join(folder, 'variables.json'), Buffer.from(`${JSON.stringify(variables, null, 2)}\n`));
  }
}

function isSnapshot(path: string): boolean {
  return path === ENVIRONMENT_NOW || path === ENVIRONMENT_STARTED;
}

async function writeNew(path: string, bytes: Buffer, mode = 0o600): Promise<void> {
  await ensureDirectory(dirname(path));
  await writeAtomically(path, bytes, mode);
}

function unreadable(path: string, { manifest }: Sealed): Error {
  return problem('backup-invalid', `part ${path} is not an environment`, {
    where: manifest.id,
    next: 'Use another backup: shipway backup list shows them.',
  });
}
