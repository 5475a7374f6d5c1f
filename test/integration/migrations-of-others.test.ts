import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CATALOG, FOLDER, foreignCases, judgeCase, type ForeignCase } from '../support/migrations-of-others.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres-server.ts';
import { describeCase, rehearseCase } from '../support/rehearse-case.ts';

const cases = foreignCases();
const faulty = cases.filter((one) => one.verdict === 'faulty');
const harmless = cases.filter((one) => one.verdict === 'harmless');
const namesOf = (found: readonly ForeignCase[]): string[] => found.map((one) => one.name);

/** What only the statements of the version before, or a try of the way down, can show. */
const FOUND_BY_REHEARSAL = [
  'check-not-valid-rejects-old-writes',
  'compat-view-not-updatable',
  'down-fails-order',
  'fk-not-valid-blocks-old-delete',
  'function-signature-replaced',
  'new-column-breaks-insert-select-star',
  'new-column-makes-name-ambiguous',
  'view-recreated-without-a-column',
];
/** A contract runs when the version before is stopped; that it was not stopped nobody tells the judge, and a contract is not rehearsed. */
const MISSED = ['contract-drop-table-still-used'];
const ALARMS_OF_JUDGE = [
  'drop-default-on-always-written-column',
  'enum-value-added-unused',
  'expired-sessions-deleted',
];
/** Their way down leaves the rows as they are, on purpose. */
const ALARMS_OF_REHEARSAL = ['batched-backfill-with-commits', 'expired-sessions-deleted'];

describe('migrations that somebody wrote who had not seen a rule', () => {
  test('are those that were frozen before anybody measured', () => {
    const sums = readFileSync(join(FOLDER, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
    const now = sums.map((line) => {
      const [, file = ''] = line.split('  ');
      return `${createHash('sha256')
        .update(readFileSync(join(FOLDER, file)))
        .digest('hex')}  ${file}`;
    });
    expect(now).toEqual(sums);
    expect([faulty.length, harmless.length, sums.length]).toEqual([60, 60, 120]);
  });

  test('the figures of the judge alone', { timeout: 120_000 }, async () => {
    const silent: ForeignCase[] = [];
    const alarms: ForeignCase[] = [];
    for (const one of cases) {
      const findings = await judgeCase(one);
      if (one.verdict === 'faulty' && findings.length === 0) silent.push(one);
      if (one.verdict === 'harmless' && findings.length > 0) alarms.push(one);
    }
    expect(namesOf(silent)).toEqual([...FOUND_BY_REHEARSAL, ...MISSED].toSorted());
    expect(namesOf(alarms)).toEqual(ALARMS_OF_JUDGE);
  });
});

const postgres = findPostgres();
const why = 'reason' in postgres ? ` (needs ${postgres.reason})` : '';
const isFull = process.env['SHIPWAY_TEST_FULL'] === '1' || process.env['CI'] === 'true';
const fullWhy = isFull ? '' : ' (takes minutes: SHIPWAY_TEST_FULL=1)';
const LIMIT_MS = 1_200_000; // two minutes alone; the machine may do other things too

describe.skipIf('reason' in postgres)(`the same migrations, rehearsed on PostgreSQL${why}`, () => {
  let server: TestPostgres;
  beforeAll(async () => {
    if ('bin' in postgres) server = await startPostgres(postgres.bin);
  }, LIMIT_MS);
  afterAll(() => server?.stop());

  async function refused(some: readonly ForeignCase[]): Promise<string[]> {
    const names: string[] = [];
    for (const one of some) if ((await rehearseCase(one, server)).length > 0) names.push(one.name);
    return names;
  }

  test(
    'what the judge is silent about the rehearsal finds, by the statements of the version before and the way down',
    async () => {
      const silent = faulty.filter((one) => FOUND_BY_REHEARSAL.includes(one.name) || MISSED.includes(one.name));
      expect(await refused(silent)).toEqual(FOUND_BY_REHEARSAL);
    },
    LIMIT_MS,
  );

  test.skipIf(!isFull)(
    `the catalog of each case is what the server tells${fullWhy}`,
    async () => {
      for (const one of cases) {
        expect([one.name, await describeCase(one, server)]).toEqual([one.name, CATALOG[`${one.verdict}-${one.name}`]]);
      }
    },
    LIMIT_MS,
  );

  test.skipIf(!isFull)(
    `no harmless one is refused but those whose way down leaves rows as they are${fullWhy}`,
    async () => {
      expect(await refused(harmless)).toEqual(ALARMS_OF_REHEARSAL);
    },
    LIMIT_MS,
  );
});
