import type { Capture } from '../../core/backup/manifest.ts';
import type { Effect } from '../../platform/effect.ts';
import type { ProvenCopy, Staged } from './restored-copy.ts';

/**
 * Where a capture puts data that later backups share. An **object** is a run of bytes with a name; what is written is sealed at once and lies
 * nowhere plain. What an object holds is for the store to know: it lists the names, places and hashes in a file of its own.
 */
export interface ObjectSink {
  /** What the store gave to `keep` at the newest backup whose objects may be taken over; null: everything is to be written anew. */
  readonly note: string | null;
  /** Bytes of an object of that backup; null when it has none of that name. */
  bytesOf(name: string): number | null;
  /** Takes an object of that backup over as it lies there. False when it is missing, damaged or on another disk: then its data is written anew. */
  take(name: string): Promise<boolean>;
  /** A buffer of 4 MiB to read into, the most that an object holds; waits until one is free. It goes back with `write`. */
  space(): Promise<Buffer>;
  /** Writes the first so many bytes of a space as a new object and returns its name, before it is on the disk. */
  write(space: Buffer, bytes: number): Promise<string>;
  /** Ends the capture: these objects stay and are on the disk, all others go. */
  keep(names: ReadonlySet<string>, note: string): Promise<void>;
}

/** The objects of a backup. */
export interface ObjectSource {
  readonly names: readonly string[];
  /** All bytes of one, checked; throws `backup-invalid` naming it when it is missing or damaged. */
  read(name: string): Promise<Buffer>;
}

/** What a backup holds of a store: the files that the store wrote beside its objects, and the objects. */
export interface OpenedCopy {
  folder: string;
  objects: ObjectSource;
  capture: Capture;
}

/** The acts of a store (store.ts), with the same promises, for copies that share what has not changed. */
export interface SharedCopies {
  /** Writes data into the sink and what leads to it into the folder. Reads only what has changed since the noted backup. */
  capture(folder: string, sink: ObjectSink, effect: Effect): Promise<Capture>;
  verify(copy: OpenedCopy, effect: Effect): Promise<void>;
  extract(copy: OpenedCopy, into: string, effect: Effect): Promise<void>;
  prove(copy: OpenedCopy, scratch: string, effect: Effect): Promise<ProvenCopy>;
  stage(copy: OpenedCopy, tag: string, effect: Effect): Promise<Staged>;
}
