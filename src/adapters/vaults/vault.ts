import type { BackupContext, Manifest, SealedObject } from '../../core/backup/manifest.ts';
import type { Tombstone } from '../../core/backup/tombstone.ts';
import type { Effect } from '../../platform/effect.ts';
import type { ObjectSink, ObjectSource } from '../stores/store.ts';
import type { KeyRing } from './seal/key-ring.ts';

/** What the maker of a backup knows; parts, totals, window, chain and seal are the vault's to find out. */
export type ManifestDraft = Omit<
  Manifest,
  'format' | 'stores' | 'context' | 'totals' | 'consistencyWindowMs' | 'previous' | 'seal'
> & {
  stores: Omit<Manifest['stores'][number], 'parts'>[];
  /** Left out: nothing is known but the data. */
  context?: Omit<BackupContext, 'parts'>;
};

/** Objects of a store in a backup that is being written, as its maker sees them. */
export interface VaultObjects extends ObjectSink {
  /** Returns when nothing is written any more, also after a failure. */
  settled(): Promise<void>;
  /** What the manifest says of them, after `keep`. */
  sealed(): SealedObject[];
  /** Called when the backup is sealed: the next one may take its objects over. */
  remember(): Promise<void>;
}

/** A backup that is being written. */
export interface BackupPlace {
  /** Makes the folder of a store. */
  folderOf(store: string): Promise<string>;
  /** Makes the place for the objects of a store, in its folder. */
  objectsOf(store: string, of: { service: string; environment: string }, effect: Effect): Promise<VaultObjects>;
}

/** A part that goes from memory into the seal: plain it lies on no disk. */
export interface SecretPart {
  path: string;
  bytes: Buffer;
}

/** A sealed backup: the manifest and the digest that the journal keeps of it. */
export interface Sealed {
  manifest: Manifest;
  manifestSha256: string;
}

/** A pruned backup. `whole`: in the trash, as it was sealed; `going`: being deleted; `gone`: nothing but the tombstone is left. */
export interface Pruned {
  tombstone: Tombstone;
  data: 'whole' | 'going' | 'gone';
  /** null when the data is not whole, or its manifest cannot be trusted. */
  sealed: Sealed | null;
}

/** A person's word that a backup stays. */
export interface Pin {
  id: string;
  reason: string;
  by: string;
  /** RFC 3339. */
  at: string;
}

/**
 * A place for backups. Promises of every implementation:
 * - what is not sealed is never listed, shown or restored; what is sealed was synced before and never changes;
 * - what the stores wrote is packed, encrypted when there is somebody to encrypt for, and signed; while it is written or read it lies here
 *   plain, in a folder for this user alone, which is deleted afterwards, or by the next act here when its process died; objects never do;
 * - everything read from it is checked before it is used;
 * - the trash is a mark and not a place: what is trashed is listed and shown no more, and its data stays where it is, so that whoever
 *   reads it reads on; it is deleted by `empty` alone;
 * - objects that an earlier backup wrote are shared and never changed: each backup has them and all their keys in its own folder, so that
 *   deleting one takes nothing from another;
 * - of what was pruned a tombstone stays for good, and the chain of manifests goes on over it;
 * - what is pinned is neither trashed nor emptied. Pins lie here and not in our memory: they must outlive it.
 */
export interface Vault {
  /** Makes an empty place for the backup; removes what a dead run left of the same one. Refuses one that a living process writes. */
  begin(id: string): Promise<BackupPlace>;
  /** Packs, encrypts, hashes and syncs all parts, signs the manifest and makes the backup visible. Refuses secret parts where nobody can be encrypted for. */
  seal(draft: ManifestDraft, signal?: AbortSignal, secrets?: readonly SecretPart[]): Promise<Sealed>;
  /** Called for a backup that is damaged: the next one of its stores takes no objects over. */
  forgetObjects(sealed: Sealed): Promise<void>;
  /** Deletes an unsealed backup of this process. */
  abandon(id: string): Promise<void>;
  /**
   * Takes in a backup that was sealed before and lies elsewhere: `fill` writes its folder, every byte is checked against its signed manifest,
   * and only then is it listed; in the trash it is no more. One that is here already and whole is not filled again.
   */
  admit(id: string, fill: (folder: string) => Promise<void>): Promise<Sealed>;
  /** Where a file of a sealed backup lies, for whoever copies it. */
  fileOf(id: string, path: string): string;
  /** Sealed backups, oldest first; one whose manifest cannot be trusted comes with the reason instead. */
  list(): Promise<{ id: string; sealed: Sealed | null; reason: string | null }[]>;
  /** Ids of what `list` shows, oldest first. Reads no manifest. */
  ids(): Promise<string[]>;
  /**
   * By id, unique prefix, `latest` or `before:<release>` among those of the service and environment. `avoid`: ids that `before:<release>`
   * means only where no other was taken.
   */
  show(reference: string, of: { service: string; environment: string; avoid?: ReadonlySet<string> }): Promise<Sealed>;
  /** Throws `backup-invalid` for the first file (of the named stores) that is missing or has another size; reads none. */
  verifySizes(sealed: Sealed, stores?: readonly string[]): Promise<void>;
  /**
   * Re-reads manifest, signature and every part as it lies here, or only the parts of the named stores; throws `backup-invalid` naming the first
   * that is wrong. Needs no identity.
   */
  verifyParts(sealed: Sealed, stores?: readonly string[]): Promise<void>;
  /** The same but for the bytes: that manifest and signature are those, and that exactly the sealed files lie here, each of its size. Reads no part. */
  verifyListed(sealed: Sealed): Promise<void>;
  /** Reads every part of a store to its end, decrypted, unpacked and compared, and keeps nothing. Throws what `opened` throws. */
  readBack(sealed: Sealed, store: string): Promise<void>;
  /** Ids of backups whose manifest names one before it that is neither here nor pruned: it was taken away or exchanged. */
  brokenLinks(of: { service: string; environment: string }): Promise<string[]>;
  /**
   * Lets a folder be read that holds the parts of a store as the store wrote them: decrypted, unpacked, every byte checked; and its objects,
   * each checked when it is read. Throws `backup-invalid` naming what is wrong, and `not-permitted` when it is encrypted for somebody else.
   */
  opened<Result>(
    sealed: Sealed,
    store: string,
    use: (folder: string, objects: ObjectSource) => Promise<Result>,
  ): Promise<Result>;
  /** One part of its context, decrypted and unpacked in memory, every byte checked. Throws what `opened` throws. */
  readContext(sealed: Sealed, path: string): Promise<Buffer>;
  /** Whether its parts can be opened here: it is not encrypted, its key is kept, or there is an identity. */
  canOpen(sealed: Sealed): Promise<boolean>;
  /** Marks a sealed backup as pruned. Twice is harmless: the first mark stays. */
  trash(id: string, note: { at: string; why: string }): Promise<void>;
  /** Takes the mark away again; throws `not-found` when the data is deleted or being deleted. */
  recover(id: string): Promise<void>;
  /** Deletes the data of a trashed backup for good; refuses any other. Twice is harmless; after a crash it finishes. */
  empty(id: string): Promise<void>;
  /** Everything that was ever pruned, oldest first. */
  pruned(): Promise<Pruned[]>;
  /** Sets the pin of a sealed backup, or another reason for it. */
  pin(pin: Pin): Promise<void>;
  /** Nothing pinned there is fine. */
  unpin(id: string): Promise<void>;
  pins(): Promise<Pin[]>;
  /** Deletes what dead runs left; returns their ids. */
  removeDead(effect: Effect): Promise<string[]>;
  /** The keys it seals and opens with. */
  readonly keys: KeyRing;
  /** Where it is, for messages. */
  readonly place: string;
}
