import { expect, test } from 'vitest';
import { copyConcerns, copyStandings, describeStanding, type CopyRecord } from './copy-standing.ts';

const at = '2026-11-21T10:00:00.000Z';
const records = new Map<string, Map<string, CopyRecord>>([
  [
    'bk_1',
    new Map<string, CopyRecord>([
      ['s3', { state: 'copied', at, fault: null }],
      ['disk', { state: 'failed', at, fault: 'it is not mounted' }],
      ['old', { state: 'removed', at, fault: null }],
    ]),
  ],
]);

test('a backup stands somewhere with every place of the release file, and with no other', () => {
  const standings = copyStandings('bk_1', ['s3', 'disk', 'new'], records);
  expect(standings.map(({ place, state }) => [place, state])).toEqual([
    ['s3', 'copied'],
    ['disk', 'failed'],
    ['new', 'missing'],
  ]);
  expect(standings.map(describeStanding)).toEqual([
    'copied to s3',
    'NOT copied to disk: it is not mounted',
    'NOT copied to new',
  ]);
});

test('what is of concern is the newest backup alone, where it should be and is not', () => {
  expect(copyConcerns(null, ['s3'], records)).toEqual([]);
  expect(copyConcerns('bk_1', ['s3', 'old'], records)).toEqual([]);
  expect(copyConcerns('bk_1', ['disk', 'new'], records).map(({ concern }) => concern)).toEqual([
    'the newest backup bk_1 is not copied to disk: it is not mounted',
    'the newest backup bk_1 is not copied to new: nobody has tried yet',
  ]);
});
