import canonicalize from 'canonicalize';
import { isBackupOf } from './backup-id.ts';

/** What stays of a pruned backup for good: enough to see that the chain of manifests is whole, and why it went. */
export interface Tombstone {
  format: 1;
  id: string;
  service: string;
  environment: string;
  /** When the backup was taken. */
  createdAt: string;
  /** SHA-256 of its manifest, which the manifest after it names. */
  manifest: string;
  /** What its manifest named. */
  previous: string | null;
  prunedAt: string;
  why: string;
}

/** A backup or a tombstone as a link of the chain. */
export interface ChainLink {
  id: string;
  manifest: string;
  previous: string | null;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** The canonical bytes (RFC 8785, no line end). */
export function tombstoneText(tombstone: Tombstone): string {
  const text = canonicalize(tombstone);
  if (text === undefined) throw new Error('a tombstone is an object and always has a canonical form');
  return text;
}

/** The tombstone in a text; null for anything that is not exactly one of this id. */
export function parseTombstone(text: string, id: string): Tombstone | null {
  try {
    const value = JSON.parse(text) as Tombstone;
    const texts = [value.service, value.environment, value.why];
    const isWhole =
      value.format === 1 &&
      value.id === id &&
      texts.every((one) => typeof one === 'string') &&
      isBackupOf(id, value.service, value.environment) &&
      TIME.test(value.createdAt) &&
      TIME.test(value.prunedAt) &&
      SHA256.test(value.manifest) &&
      (value.previous === null || SHA256.test(value.previous));
    return isWhole && tombstoneText(value) === text ? value : null;
  } catch {
    return null;
  }
}

/** Ids whose predecessor is neither there nor pruned: somebody took it away, or put another in its place. */
export function missingPredecessors(links: readonly ChainLink[]): string[] {
  const known = new Set(links.map((link) => link.manifest));
  return links.filter((link) => link.previous !== null && !known.has(link.previous)).map((link) => link.id);
}
