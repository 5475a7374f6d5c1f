export { newBackupId } from './backup-id.ts';
export { readDown } from './backup-context.ts';
export { listCopied, markCopied, removeCopied, unmarkCopied, type SecondPlace } from './copies/copied-backups.ts';
export { copyBackup, type CopyResult } from './copies/copy-backup.ts';
export { fetchBackup } from './copies/fetch-backup.ts';
export { probePlace } from './copies/probe-place.ts';
export { withCopy } from './copy-of-store.ts';
export { confirmBackup } from './confirm-backup.ts';
export { createBackup, type BackupOrder, type ContextOrder, type NamedOpenStore } from './create-backup.ts';
export { openVault } from './directory/directory-vault.ts';
export {
  discardPrestaged,
  prestageRestore,
  stageOrReuse,
  type Prestaged,
  type Reused,
  type WaitingStore,
} from './prestage-restore.ts';
export { proveBackup, type ProofOrder } from './prove-backup.ts';
export {
  describeLoss,
  extractBackup,
  restoreIntoNew,
  stageRestore,
  trustedBackup,
  verifyBackup,
  type RestoreOrder,
  type StagedStore,
} from './restore-backup.ts';
export { isIdentity, identityIn, newIdentity } from './seal/identity.ts';
export { openKeyRing, type KeyRing } from './seal/key-ring.ts';
export { discardStaged, recordsOf, swapRestore, type SwapEnd, type SwappedStore } from './swap-restore.ts';
export type { Pin, Pruned, Sealed, Vault } from './vault.ts';
