import type { Manifest } from '../../core/backup/manifest.ts';
import type { Effect } from '../../platform/effect.ts';

/** What the maker of a backup knows; parts, totals, window and chain are the vault's to find out. */
export type ManifestDraft = Omit<Manifest, 'format' | 'stores' | 'totals' | 'consistencyWindowMs' | 'previous'> & {
  stores: Omit<Manifest['stores'][number], 'parts'>[];
};

/** A sealed backup: the manifest and the digest that the journal keeps of it. */
export interface Sealed {
  manifest: Manifest;
  manifestSha256: string;
}

/**
 * A place for backups. Promises of every implementation:
 * - what is not sealed is never listed, shown or restored; what is sealed was synced before and never changes;
 * - everything read from it is checked before it is used.
 */
export interface Vault {
  /** Makes an empty place for the backup; removes what a dead run left of the same one. Refuses one that a living process writes. */
  begin(id: string): Promise<{ folderOf(store: string): Promise<string> }>;
  /** Hashes and syncs all parts and makes the backup visible. */
  seal(draft: ManifestDraft): Promise<Sealed>;
  /** Deletes an unsealed backup of this process. */
  abandon(id: string): Promise<void>;
  /** Sealed backups, oldest first; one whose manifest cannot be trusted comes with the reason instead. */
  list(): Promise<{ id: string; sealed: Sealed | null; reason: string | null }[]>;
  /** By id, unique prefix, `latest` or `before:<release>` among those of the service and environment. */
  show(reference: string, of: { service: string; environment: string }): Promise<Sealed>;
  /** Re-reads every part; throws `backup-invalid` naming the first that is wrong. */
  verifyParts(sealed: Sealed): Promise<void>;
  /** Where the parts of a store lie, to be read only. */
  folderOf(id: string, store: string): string;
  /** Deletes what dead runs left; returns their ids. */
  removeDead(effect: Effect): Promise<string[]>;
  /** Where it is, for messages. */
  readonly place: string;
}
