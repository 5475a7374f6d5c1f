import fc from 'fast-check';
import { expect, test } from 'vitest';
import { faultOf, history } from '../../src/core/backup/retention-histories.suite.ts';
import { decideRetention } from '../../src/core/backup/retention.ts';

const HISTORIES = Number(process.env['SHIPWAY_SOAK_ROUNDS'] ?? 100_000);
const SEED = Number(process.env['SHIPWAY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

test('no random history ever loses a backup that is needed', () => {
  const seen = { backups: 0, dropped: 0, stopped: 0 };
  fc.assert(
    fc.property(history, (drawn) => {
      const { verdicts, stopped } = decideRetention(drawn);
      seen.backups += verdicts.length;
      seen.dropped += verdicts.filter((verdict) => !verdict.keep).length;
      seen.stopped += stopped ? 1 : 0;
      expect(faultOf(drawn)).toBeNull();
    }),
    { numRuns: HISTORIES, seed: SEED },
  );
  process.stdout.write(
    `retention: ${HISTORIES} histories, ${seen.backups} backups, ${seen.dropped} dropped, ` +
      `${seen.stopped} histories stopped for want of a recent proof, 0 faults (seed ${SEED})\n`,
  );
  expect(seen.dropped).toBeGreaterThan(HISTORIES / 2); // a history in which nothing goes proves nothing
});
