import { expect, test } from 'vitest';
import type { RestorePlan } from '../../app/manage-backups.ts';
import { restoreLines } from './backup-lines.ts';

const WANTED = {
  backup: { id: 'bk_1', bytes: 10 },
  service: 'notes',
  environment: 'production',
  stores: ['database'],
  loss: { since: '2026-11-21T10:00:00.000Z', lines: [], isNothing: false },
  isProduction: true,
  finishes: [],
} as unknown as RestorePlan;

test('whether the replaced data is backed up first is said as it was asked for', () => {
  const said = (safetyBackup: boolean) => restoreLines(WANTED, { nowMs: Date.UTC(2026, 10, 22), safetyBackup }).at(-1);
  expect(said(true)).toBe('the replaced data is backed up first and kept aside');
  expect(said(false)).toBe('the replaced data is NOT backed up first, only kept aside');
});
