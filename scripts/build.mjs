// Compiles src/ into dist/ and copies what the compiler leaves behind (SQL migrations).
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const compiled = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
  stdio: 'inherit',
  cwd: root,
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const migrations = join(root, 'src', 'state', 'migrations');
if (existsSync(migrations)) {
  mkdirSync(join(root, 'dist', 'state'), { recursive: true });
  cpSync(migrations, join(root, 'dist', 'state', 'migrations'), { recursive: true });
}
