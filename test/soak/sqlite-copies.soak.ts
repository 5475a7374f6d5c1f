// Copies of a database under a hammering writer: ours must all be whole; `cp` is the negative control. SHIPWAY_SOAK_COPIES (1000) is for each
// journal mode. Run: npm run soak -- sqlite-copies
import { describe, expect, test } from 'vitest';
import { countBadCopies } from '../support/hammered-database.ts';

const COPIES = Math.min(Number(process.env['SHIPWAY_SOAK_COPIES'] ?? 1000), 100_000);
const CONTROL_COPIES = Math.min(COPIES, 200); // enough that a plain copy is seen to break, hundreds of times over

describe.each(['wal', 'delete'] as const)('in journal mode %s', (journalMode) => {
  test(`${COPIES} copies of a database in use are all whole`, async () => {
    const { bad, reasons } = await countBadCopies({ journalMode, copies: COPIES, method: 'store' });
    process.stdout.write(`${journalMode} store: ${bad} bad of ${COPIES}\n`);
    expect({ bad, reasons }).toEqual({ bad: 0, reasons: [] });
  });

  test('a plain copy of the file breaks', async () => {
    const { bad, reasons } = await countBadCopies({ journalMode, copies: CONTROL_COPIES, method: 'cp' });
    process.stdout.write(`${journalMode} cp: ${bad} bad of ${CONTROL_COPIES}, e.g. ${reasons[0] ?? ''}\n`);
    expect(bad).toBeGreaterThan(0);
  });
});
