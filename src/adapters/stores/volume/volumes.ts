import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { volumeFacts, type VolumeFacts } from './containers.ts';
import { docker, type VolumeStore } from './docker.ts';

/** What the captured volume was, beyond its content; in the backup, so that it can be made again. */
export interface Description {
  format: 1;
  driver: string;
  labels: Record<string, string>;
}

/** On every volume that we make beside a live one. */
const ROLE_LABEL = 'shipway.role';
const OF_LABEL = 'shipway.volume';

interface NewVolume {
  name: string;
  description: Description;
  /** Of a volume of ours; left out for the live one, which gets the labels it was captured with. */
  role?: 'staged' | 'replaced' | 'proof';
}

/** Makes a volume; one that is there stays as it is, unless it has our name and is not ours. */
export async function createVolume(store: VolumeStore, wanted: NewVolume, effect: Effect): Promise<void> {
  const { name, description, role } = wanted;
  const present = await volumeFacts(store, name, 'restore-failed', effect);
  if (present !== null) {
    if (role === undefined || present.labels[ROLE_LABEL] === role) return;
    throw problem('restore-failed', `there is a volume ${name} that is not ours`, {
      where: `docker volume ${name}`,
      next: 'Rename or remove it, and restore again.',
    });
  }
  const labels = role === undefined ? description.labels : { [ROLE_LABEL]: role, [OF_LABEL]: store.settings.name };
  const labelled = Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
  const words = ['volume', 'create', '--driver', description.driver, ...labelled, name];
  await docker(store, { words, failing: `the volume ${name} cannot be made`, kind: 'restore-failed' }, effect);
}

/** Removes a volume that stage or swap made; one that is gone needs nothing. */
export async function removeVolume(store: VolumeStore, name: string, effect: Effect): Promise<void> {
  const call = {
    words: ['volume', 'rm', '--force', name],
    failing: `the volume ${name} cannot be removed`,
    kind: 'restore-failed',
  } as const;
  await docker(store, call, effect);
}

/** Only a plain local volume is a folder that can be renamed; refused before anything is touched. */
export function requireLocal(facts: VolumeFacts | Description, store: VolumeStore): void {
  const options = 'options' in facts ? Object.keys(facts.options) : [];
  if (facts.driver === 'local' && options.length === 0) return;
  const what = facts.driver === 'local' ? `has options (${options.join(', ')})` : `has the driver ${facts.driver}`;
  throw problem('restore-failed', `the volume ${store.settings.name} ${what}, so it cannot be restored in place`, {
    where: `docker volume ${store.settings.name}`,
    next: 'Restore into a folder (shipway backup restore ID --into FOLDER) and bring volume.tar back by hand.',
  });
}
