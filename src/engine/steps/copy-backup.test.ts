import { expect, test } from 'vitest';
import { copyBackupStep } from './copy-backup.ts';
import type { StepContext } from './step.ts';

function contextWith(taken: object | null) {
  const asked: object[] = [];
  const copy = async (_plan: unknown, request: { id: string; place: string }): Promise<object> => {
    asked.push(request);
    return { backup: request.id, place: request.place, sentBytes: 7 };
  };
  const context = {
    releaseId: 'r-1',
    step: { id: 'backup.copy-s3', input: { takenBy: 'backup.pre-release', place: 's3' } },
    tools: {
      memory: { resultOf: async (_release: string, step: string) => (step === 'backup.pre-release' ? taken : null) },
      backups: { copies: { copy } },
    },
  } as unknown as StepContext;
  return { asked, act: () => copyBackupStep.act(context) };
}

test('the backup that the release has taken is copied to the place of the step', async () => {
  const { asked, act } = contextWith({ id: 'bk_1' });
  expect(await act()).toEqual({ backup: 'bk_1', place: 's3', sentBytes: 7 });
  expect(asked).toEqual([{ id: 'bk_1', place: 's3' }]);
});

test('without a backup of this release nothing is copied', async () => {
  const { asked, act } = contextWith(null);
  await expect(act()).rejects.toMatchObject({ kind: 'internal' });
  expect(asked).toEqual([]);
});
