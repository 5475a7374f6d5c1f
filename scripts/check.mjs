// All static checks, each to its end, so that one run shows everything. Exit code: how many failed.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export const CHECKS = [
  { name: 'types', argv: ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], repair: 'npm run typecheck' },
  { name: 'lint', argv: ['node_modules/oxlint/bin/oxlint', '--type-aware'], repair: 'npm run lint' },
  { name: 'format', argv: ['node_modules/prettier/bin/prettier.cjs', '--check', '.'], repair: 'npm run format' },
  { name: 'documents', argv: ['scripts/check-docs.mjs'], repair: 'node scripts/check-docs.mjs' },
  { name: 'reference', argv: ['scripts/build-reference.mjs', '--check'], repair: 'npm run build && npm run reference' },
];

/** Runs them in turn and returns the names of those that failed. */
export function runChecks() {
  return CHECKS.filter(({ name, argv, repair }) => {
    process.stdout.write(`check: ${name}\n`);
    const ran = spawnSync(process.execPath, [join(root, argv[0]), ...argv.slice(1)], { cwd: root, stdio: 'inherit' });
    if (ran.status !== 0) process.stdout.write(`check: ${name} failed; see above, again with: ${repair}\n`);
    return ran.status !== 0;
  }).map(({ name }) => name);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exit(runChecks().length);
