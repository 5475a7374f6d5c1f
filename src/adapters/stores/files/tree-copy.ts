import type { TreeEntry } from './tree-entries.ts';

/** Where an entry of the index goes. */
export type PlaceOf = (path: string) => string;

/** A copy of a tree, however the content of its files is kept. */
export interface TreeCopy<Content extends object> {
  index: readonly TreeEntry<Content>[];
  /** Writes everything to places where nothing is. */
  write(placeOf: PlaceOf): Promise<void>;
  /** Whether a restored file holds what was captured. */
  hasContent(place: string, entry: TreeEntry<Content> & { type: 'file' }): Promise<boolean>;
  /** What an index of the file would say of its content. */
  contentOf(place: string, path: string): Promise<Content>;
  fingerprintOf(entries: readonly TreeEntry<Content>[]): string;
}
