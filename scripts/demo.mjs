// `npm run demo`: whatever is missing first, then the demo itself. Extra words go to `shipway demo`.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

for (const argv of [
  ['scripts/install.mjs'],
  ['scripts/build.mjs'],
  ['bin/shipway.js', 'demo', ...process.argv.slice(2)],
]) {
  const ran = spawnSync(process.execPath, [join(root, argv[0]), ...argv.slice(1)], { cwd: root, stdio: 'inherit' });
  if (ran.status !== 0) process.exit(ran.status ?? 1);
}
