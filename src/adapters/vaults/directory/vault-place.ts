import type { KeyRing } from '../seal/key-ring.ts';

/** Where the backups of a project lie, and its keys. */
export interface VaultPlace {
  directory: string;
  keys: KeyRing;
}
