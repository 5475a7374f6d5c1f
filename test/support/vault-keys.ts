import { openKeyRing, type KeyRing } from '../../src/adapters/vaults/index.ts';

interface Change {
  recipients?: string[];
  signers?: string[];
  identity?: string | null;
}

/** The keys of a vault in a test: those of a project that encrypts for nobody, unless the test says otherwise. */
export function vaultKeys(folder: string, change: Change = {}): KeyRing {
  const { recipients = [], signers = [], identity = null } = change;
  return openKeyRing({ folder, recipients, signers, identity: async () => identity });
}
