import { describe, expect, test } from 'vitest';
import type { Proof } from '../core/backup/retention.ts';
import type { BackupRecord } from '../state/backup-record.ts';
import { knownBackup, type InventoryEntry } from './backup-inventory.ts';
import { deedOf } from './prune-backups.ts';

const ID = 'bk_20261120T024843Z_shop_production_manual_aaaaaa';
const AT = '2026-11-20T02:48:43.000Z';
const NOW_MS = Date.parse('2026-11-21T12:00:00.000Z');

function recordOf(change: Partial<BackupRecord> = {}): BackupRecord {
  return { manifest: null, isSealedHere: false, proof: null, suspicious: false, ...change };
}

describe('this memory knows a backup', () => {
  const found = (outcome: Proof['outcome'], level: number): Partial<BackupRecord> => ({
    proof: { level, outcome, at: AT },
  });
  test.each<[string, BackupRecord | undefined, boolean]>([
    ['not, when it has no entry about it', undefined, false],
    ['that was sealed before its eyes', recordOf({ isSealedHere: true }), true],
    ['that it found good', recordOf(found('pass', 2)), true],
    ['that it found damaged', recordOf(found('fail', 1)), true],
    ['not, when it could see nothing of it', recordOf(), false],
    ['not, when it read sizes or hashes alone', recordOf(found('pass', 1)), false],
  ])('%s', (_, record, isKnown) => {
    expect(knownBackup(ID, null, { record, pin: null, unreadable: false }).isKnown).toBe(isKnown);
  });
});

test('prune leaves a damaged backup in the trash that is still young, takes a good one back, and deletes what is past its time', () => {
  const inTrash = (record: BackupRecord): InventoryEntry => {
    const known = knownBackup(ID, null, { record, pin: null, unreadable: false });
    return { known, bytes: 0, sealed: null, manifest: null, pin: null, prunedAt: AT, isGoing: false };
  };
  const good = inTrash(recordOf());
  const known = { ...good.known, proof: { level: 2, outcome: 'fail' as const, at: AT } };
  const damaged = { ...good, known };
  const deed = (entry: InventoryEntry, keep: boolean): string => deedOf(entry, keep, { stopped: false, nowMs: NOW_MS });
  expect([deed(good, true), deed(damaged, true), deed(damaged, false)]).toEqual(['recover', 'none', 'delete']);
});
