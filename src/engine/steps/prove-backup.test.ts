import { expect, test } from 'vitest';
import type { ProofOutcome, ProofRun } from '../../core/backup/proof-run.ts';
import { proveBackupStep } from './prove-backup.ts';
import type { StepContext } from './step.ts';
import type { ProofRequest } from './step-backups.ts';

function contextWith(outcome: ProofOutcome, taken: object | null = { id: 'bk_1' }) {
  const asked: ProofRequest[] = [];
  const prove = async (_plan: unknown, request: ProofRequest): Promise<ProofRun> => {
    asked.push(request);
    const fault = outcome === 'pass' ? null : 'torn';
    const stores = [{ store: 'database', outcome, fault, seconds: 2, checked: [], notChecked: [] }];
    const frame = { backup: request.id, at: '', by: null, release: 'r-1', tool: '', isComplete: true };
    return { ...frame, level: request.level, stores };
  };
  const resultOf = async (_release: string, step: string): Promise<object | null> =>
    step === 'backup.pre-release' ? taken : null;
  const input = { takenBy: 'backup.pre-release', stores: ['database'], scratch: 'scratch' };
  const context = {
    releaseId: 'r-1',
    step: { id: 'backup.prove', input },
    tools: { memory: { resultOf }, backups: { prove } },
  } as unknown as StepContext;
  return { asked, act: () => proveBackupStep.act(context) };
}

test('the backup that the release has taken is restored to scratch', async () => {
  const { asked, act } = contextWith('pass');
  expect(await act()).toEqual({ id: 'bk_1', level: 3, seconds: 2 });
  expect(asked).toEqual([{ id: 'bk_1', level: 3, stores: ['database'], scratch: 'scratch', by: null }]);
});

test.each([
  ['fail', 'the backup is not what was captured when it is restored: database: torn'],
  ['could-not-measure', 'the backup could not be proven by a restore: database: torn'],
] as const)('anything but a proof ends the step: %s', async (outcome, message) => {
  await expect(contextWith(outcome).act()).rejects.toMatchObject({
    kind: 'backup-invalid',
    message,
    next: expect.stringContaining('shipway backup verify bk_1 --level 3') as string,
  });
});

test('without a backup of this release nothing counts as proven', async () => {
  const { asked, act } = contextWith('pass', null);
  await expect(act()).rejects.toMatchObject({ kind: 'internal' });
  expect(asked).toEqual([]);
});
