import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isBackupOf, parseBackupId } from '../../../core/backup/backup-id.ts';
import type { Manifest } from '../../../core/backup/manifest.ts';
import { readManifest } from '../../../core/backup/read-manifest.ts';
import { isProblem, problem, problemRecord, type Problem } from '../../../core/release/problem.ts';
import { listDirectory, readText } from '../../../platform/files.ts';
import { isSignature } from '../seal/signature.ts';
import type { Sealed, Vault } from '../vault.ts';
import { MANIFEST, MANIFEST_SHA256, MANIFEST_SIGNATURE } from './find-parts.ts';
import type { VaultPlace } from './vault-place.ts';
import { readTombstone } from './trash.ts';

/** The backup of that id; throws `backup-invalid` unless its manifest is whole and signed by somebody who is trusted. */
export async function readSealed(place: VaultPlace, id: string): Promise<Sealed> {
  const { directory } = place;
  const where = join(directory, id, MANIFEST);
  const text = await readText(where);
  const noted = await readText(join(directory, id, MANIFEST_SHA256));
  if (text === null || noted === null) throw invalid('its manifest is missing', where);
  const bytes = Buffer.from(text, 'utf8');
  const manifestSha256 = sha256(bytes);
  if (noted !== `${manifestSha256}\n`) throw invalid('the manifest was changed after the backup was sealed', where);
  const manifest = readManifest(bytes, where);
  if (manifest.id !== id) throw invalid(`the manifest belongs to ${manifest.id}`, where);
  await requireSignature(place, manifest, bytes);
  return { manifest, manifestSha256 };
}

async function requireSignature({ directory, keys }: VaultPlace, manifest: Manifest, bytes: Buffer): Promise<void> {
  const { id, seal } = manifest;
  const where = join(directory, id, MANIFEST_SIGNATURE);
  const text = await readText(where);
  if (seal === undefined) {
    if (text !== null) throw invalid('there is a signature, and the manifest says that it has none', where);
    return;
  }
  if (text === null) throw invalid('its signature is missing', where);
  if (!isSignature(text, seal.signer, bytes)) throw invalid('its signature is not one of this manifest', where);
  if (await keys.trusts(seal.signer)) return;
  throw problem('backup-invalid', `it is signed by ${seal.signer}, a key that this project does not know`, {
    where,
    next: 'If that key is another machine of yours, name it in the release file under backups.signers; otherwise use another backup.',
  });
}

export async function listSealed(place: VaultPlace): Promise<Awaited<ReturnType<Vault['list']>>> {
  const found = [];
  for (const id of await sealedIds(place.directory)) {
    try {
      found.push({ id, sealed: await readSealed(place, id), reason: null });
    } catch (error) {
      found.push({ id, sealed: null, reason: problemRecord(error).message });
    }
  }
  return found;
}

/** Ids of sealed backups that are not in the trash, oldest first. */
export async function sealedIds(directory: string): Promise<string[]> {
  const ids: string[] = [];
  for (const name of listDirectory(directory)) {
    if (parseBackupId(name) !== null && (await readTombstone(directory, name)) === null) ids.push(name);
  }
  return ids;
}

export async function showSealed(
  place: VaultPlace,
  reference: string,
  of: { service: string; environment: string; avoid?: ReadonlySet<string> },
): Promise<Sealed> {
  const { directory } = place;
  const all = await sealedIds(directory);
  if (all.includes(reference)) return requireOf(await readSealed(place, reference), of);
  const ids = all.filter((id) => isBackupOf(id, of.service, of.environment));
  if (reference === 'latest') return readSealed(place, requireOne(ids.slice(-1), reference, directory));
  if (reference.startsWith('before:')) return requireBefore(place, ids, { reference, avoid: of.avoid });
  // At least the part every id begins with: an empty text must not mean "the only one".
  const matches = reference.startsWith('bk_') ? ids.filter((id) => id.startsWith(reference)) : [];
  return requireOf(await readSealed(place, requireOne(matches, reference, directory)), of);
}

/** The newest backup taken before the first change of that release; one that is to be avoided only where there is no other. */
async function requireBefore(
  place: VaultPlace,
  ids: string[],
  { reference, avoid }: { reference: string; avoid: ReadonlySet<string> | undefined },
): Promise<Sealed> {
  const release = reference.slice('before:'.length);
  const unreadable: string[] = [];
  let avoided: Sealed | null = null;
  for (const id of [...ids].reverse()) {
    if (parseBackupId(id)?.reason !== 'pre-release') continue;
    // It may be of any release, and says nothing against those of others.
    const sealed = await readSealed(place, id).catch(ofNothing);
    if (sealed === null) unreadable.push(id);
    else if (sealed.manifest.release !== release) continue;
    else if (avoid?.has(id) !== true) return sealed;
    else avoided ??= sealed;
  }
  if (avoided !== null) return avoided;
  if (unreadable.length === 0) throw notFound(reference, place.directory);
  const which = unreadable.length === 1 ? `${unreadable[0]}` : `${unreadable[0]} and ${unreadable.length - 1} more`;
  throw invalid(`there is no backup ${JSON.stringify(reference)} that can be read; ${which} cannot`, place.directory);
}

/** For whoever goes on without a backup that is damaged; any other error is thrown. */
export function ofNothing(error: unknown): null {
  if (isProblem(error) && error.kind === 'backup-invalid') return null;
  throw error;
}

function requireOf(sealed: Sealed, of: { service: string; environment: string }): Sealed {
  const { id, service, environment } = sealed.manifest;
  if (service === of.service && environment === of.environment) return sealed;
  throw problem(
    'refused',
    `this backup is of ${service} in ${environment}, not of ${of.service} in ${of.environment}`,
    {
      where: id,
      next: `shipway backup list --env ${of.environment} shows those that fit.`,
    },
  );
}

function requireOne(matches: string[], reference: string, directory: string): string {
  const [only, second] = matches;
  if (only !== undefined && second === undefined) return only;
  if (only === undefined) throw notFound(reference, directory);
  throw problem('usage', `${reference} is the beginning of ${matches.length} backups`, {
    where: directory,
    next: `Write more of the id, for instance ${only}`,
  });
}

function notFound(reference: string, directory: string): Problem {
  return problem('not-found', `there is no backup ${JSON.stringify(reference)}`, {
    where: directory,
    next: 'shipway backup list shows them.',
  });
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function invalid(what: string, where: string): Problem {
  return problem('backup-invalid', what, { where, next: 'Use another backup: shipway backup list shows them.' });
}
