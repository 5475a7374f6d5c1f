import { objectsOf } from '../../../core/backup/manifest.ts';
import type { VaultPlace } from './vault-place.ts';
import { listSealed } from './read-sealed.ts';

/** Every listed backup that holds the object: what is damaged in one is damaged in all of them. */
export async function namesOfSharers(
  place: VaultPlace,
  { path, sha256 }: { path: string; sha256: string },
): Promise<string[]> {
  const listed = await listSealed(place);
  return listed
    .filter(({ sealed }) =>
      (sealed?.manifest.stores ?? [])
        .flatMap(objectsOf)
        .some((object) => object.path === path && object.stored.sha256 === sha256),
    )
    .map(({ id }) => id);
}
