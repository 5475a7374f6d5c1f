import { createHash } from 'node:crypto';
import { problem } from '../../../core/release/problem.ts';
import type { VolumeEntry } from './list-entries.ts';

/** Digest over names, owners, rights and content; not over times. */
export function fingerprintOf(entries: readonly VolumeEntry[]): string {
  const hash = createHash('sha256');
  for (const { mtime: _time, ...entry } of entries) hash.update(`${sortedJson(entry)}\n`);
  return `volume-1:${hash.digest('hex')}`;
}

/** The same with times: equal only when nothing was written in between. */
export function momentOf(entries: readonly VolumeEntry[]): string {
  return createHash('sha256').update(entries.map(sortedJson).join('\n')).digest('hex');
}

// RFC 8785 for texts, whole numbers and one level of objects: nothing beyond sorted keys is needed.
function sortedJson(value: object): string {
  const sorted = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(sorted));
}

export function countersOf(entries: readonly VolumeEntry[]): Record<string, number> {
  const counters = { bytes: 0, directories: 0, files: 0, links: 0, pipes: 0 };
  for (const entry of entries) {
    if (entry.type === 'file') {
      counters.files += 1;
      counters.bytes += entry.bytes;
    } else if (entry.type === 'directory') counters.directories += 1;
    else if (entry.type === 'pipe') counters.pipes += 1;
    else counters.links += 1;
  }
  return counters;
}

/** Refuses what a restore must not follow: names that leave the volume, entries below links, hard links to what is not in it. */
export function requireSafe(entries: readonly VolumeEntry[], where: string): void {
  const seen = new Map<string, VolumeEntry['type']>();
  if (entries[0]?.path !== '.' || entries[0].type !== 'directory')
    throw unsafe('it does not begin with the volume itself', where);
  for (const entry of entries) {
    const { path } = entry;
    const shown = JSON.stringify(path);
    if (seen.has(path)) throw unsafe(`${shown} is in it twice`, where);
    if (path !== '.' && !staysInside(path)) throw unsafe(`${shown} leads out of the volume`, where);
    const above = path.includes('/') ? seen.get(path.slice(0, path.lastIndexOf('/'))) : 'directory';
    if (above !== 'directory')
      throw unsafe(`${shown} lies below ${above === undefined ? 'a folder that is missing' : `a ${above}`}`, where);
    if (entry.type === 'hard-link' && !isContent(seen.get(entry.target))) {
      throw unsafe(`${shown} is another name of ${JSON.stringify(entry.target)}, which is no file before it`, where);
    }
    seen.set(path, entry.type);
  }
}

function isContent(type: VolumeEntry['type'] | undefined): boolean {
  return type !== undefined && type !== 'directory';
}

function staysInside(path: string): boolean {
  return !path.includes('\0') && path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

function unsafe(what: string, where: string): Error {
  return problem('backup-invalid', `the archive of the volume cannot be trusted: ${what}`, {
    where,
    next: 'Use another backup: shipway backup list shows them.',
  });
}
