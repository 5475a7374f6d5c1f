// Soak: copies of a database under a hammering writer. COPIES (default 1000) for ours in each journal mode; `cp` as negative control.
// Run: node --import ./node_modules/jiti/lib/jiti-register.mjs test/soak/sqlite-copies.ts
import { countBadCopies } from '../support/hammered-database.ts';

const copies = Math.min(Number(process.env['COPIES'] ?? 1000), 100_000);
let failed = false;
for (const journalMode of ['wal', 'delete'] as const) {
  for (const method of ['store', 'cp', 'cp-all'] as const) {
    const count = method === 'store' ? copies : Math.min(copies, 50);
    const { bad, reasons } = await countBadCopies({ journalMode, copies: count, method });
    process.stdout.write(
      `${journalMode} ${method}: ${bad} bad of ${count} ${JSON.stringify([...new Set(reasons)].slice(0, 3))}\n`,
    );
    if (method === 'store' ? bad > 0 : method === 'cp' && bad === 0) failed = true;
  }
}
process.exitCode = failed ? 1 : 0;
