// One act of bench/backup-files.ts in a process of its own, so that its time and memory are its own. Argument: JSON.
import { join } from 'node:path';
import { storeKinds } from '../dist/adapters/stores/index.js';
import {
  confirmBackup,
  createBackup,
  extractBackup,
  newBackupId,
  openKeyRing,
  openVault,
  verifyBackup,
} from '../dist/adapters/vaults/index.js';
import { realClock } from '../dist/platform/clock.js';

const { act, project, recipient, identity, at } = JSON.parse(process.argv[2] ?? '{}');
const OF = { service: 'bench', environment: 'production' };
const keys = openKeyRing({
  folder: join(project, '.shipway/keys'),
  recipients: [recipient],
  signers: [],
  identity: async () => identity,
});
const vault = openVault(join(project, '.shipway/backups'), keys);
const effect = {
  token: 'bench',
  signal: new AbortController().signal,
  clock: realClock,
  resolve: (text) => text,
  environment: (extra) => extra,
  projectDirectory: project,
  stateDirectory: join(project, '.shipway'),
  report: (line) => void process.stderr.write(`${line}\n`),
};
const store = storeKinds.files.open({ paths: ['data'], exclude: [] }, { projectDirectory: project });
const stores = [{ name: 'data', kind: 'files', store }];
const order = { ...OF, stores, vault, effect };

switch (act) {
  case 'backup':
    await createBackup({
      ...order,
      id: newBackupId({ ...OF, reason: 'manual' }, at),
      reason: 'manual',
      release: null,
      version: null,
      tool: 'bench',
    });
    break;
  case 'confirm':
    await confirmBackup({ ...order, id: 'latest' }, await vault.show('latest', OF));
    break;
  case 'verify':
    await verifyBackup({ ...order, id: 'latest' });
    break;
  case 'restore':
    await extractBackup({ ...order, id: 'latest', into: join(project, 'restored') });
    break;
  default:
    throw new Error(`unknown act ${act}`);
}
