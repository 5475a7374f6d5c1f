import { expect, test } from 'vitest';
import { problem } from '../release/problem.ts';
import { orWithoutSafetyBackup, WITHOUT_SAFETY_BACKUP } from './no-safety-backup.ts';

test.each(['backup-failed', 'backup-invalid'] as const)(
  'a backup of the present data that ends with %s is answered with the word that goes back without it',
  (kind) => {
    const answer = orWithoutSafetyBackup(
      problem(kind, 'it is torn', { where: 'uploads', next: 'Look.' }),
      WITHOUT_SAFETY_BACKUP,
    );
    expect(answer).toMatchObject({ kind, message: 'it is torn', where: 'uploads' });
    expect(answer).toMatchObject({ next: expect.stringMatching(/^Look\. .*--no-safety-backup/) as string });
  },
);

test('what no other backup would mend is passed on as it is', () => {
  const full = problem('disk-full', 'it does not fit', { next: 'Make room.' });
  expect(orWithoutSafetyBackup(full, WITHOUT_SAFETY_BACKUP)).toBe(full);
});
