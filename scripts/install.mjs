// Installs the libraries exactly as locked, only when needed: never installed, or the lock has changed since.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// npm writes this file as the last thing of an install that went well, so half an install counts as none.
const installed = join(root, 'node_modules', '.package-lock.json');

function reasonToInstall() {
  if (!existsSync(installed)) return 'no libraries yet';
  const lock = statSync(join(root, 'package-lock.json'));
  return statSync(installed).mtimeMs < lock.mtimeMs ? 'package-lock.json has changed' : null;
}

const reason = reasonToInstall();
if (reason === null) {
  process.stdout.write('install: libraries are as locked\n');
} else {
  process.stdout.write(`install: npm ci (${reason})\n`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const ran = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: 'inherit' });
  if (ran.error)
    process.stderr.write(
      `install: npm could not be started (${ran.error.message}). Install Node 20.20 or newer with npm.\n`,
    );
  process.exit(ran.status ?? 1);
}
