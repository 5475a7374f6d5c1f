// Runs node with the words given, after whatever is missing first: `npm run demo`, the benches and the campaigns.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const env = { ...process.env, SHIPWAY_IS_BUILT: '1' }; // the campaigns need not build again

for (const words of [['scripts/install.mjs'], ['scripts/build.mjs'], process.argv.slice(2)]) {
  const ran = spawnSync(process.execPath, words, { cwd: root, stdio: 'inherit', env });
  if (ran.status !== 0) process.exit(ran.status ?? 1);
}
