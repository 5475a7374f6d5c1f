#!/usr/bin/env node
import { existsSync } from 'node:fs';

const program = new URL('../dist/main.js', import.meta.url);
if (existsSync(program)) {
  await import(program.href);
} else {
  process.stderr.write(
    'shipway: dist/main.js is not there, so nothing was done.\n  Next: npm run build (in the folder of shipway), then this again.\n',
  );
  process.exitCode = 1;
}
