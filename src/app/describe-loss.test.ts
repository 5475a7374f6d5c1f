import { describe, expect, test } from 'vitest';
import { lossLines } from './describe-loss.ts';

describe('what a restore would throw away', () => {
  test('is named for every count that differs', () => {
    const changes = {
      tables: { notes: { captured: 20, now: 25 }, tags: { captured: null, now: 3 } },
      contentDiffers: true,
    };
    expect(lossLines('database', changes)).toEqual([
      'database tables notes: 20 in the backup, 25 now',
      'database tables tags: none in the backup, 3 now',
      'database: what is in both may have been changed since; a count does not show that',
    ]);
    expect(lossLines('cache', { 'cached keys': { captured: 0, now: 5 }, contentDiffers: false })).toEqual([
      'cache cached keys: 0 in the backup, 5 now',
    ]);
  });

  test('leaves out what is the same, which would hide what is not', () => {
    const same = { captured: 0, now: 0 };
    expect(lossLines('data', { files: { captured: 1, now: 2 }, links: same, contentDiffers: true })).toEqual([
      'data files: 1 in the backup, 2 now',
      expect.stringContaining('may have been changed'),
    ]);
    expect(lossLines('data', { links: same, contentDiffers: true })).toEqual([
      'data: the counts are equal, the content differs',
    ]);
  });

  test('names files that were written over, whose number and size may be the same', () => {
    const files = { captured: 1, now: 1 };
    expect(lossLines('environment', { files, filesWrittenSince: 1 })).toEqual([
      'environment: 1 file was written since the backup',
    ]);
    expect(lossLines('data', { files: { captured: 1, now: 3 }, filesWrittenSince: 2 })).toEqual([
      'data files: 1 in the backup, 3 now',
      'data: 2 files were written since the backup',
    ]);
    expect(lossLines('data', { files, filesTouchedSince: 2, filesWrittenSince: 0, foldersChangedSince: 1 })).toEqual([
      'data: 2 files were renamed, put back or given other rights or times since the backup',
      'data: 1 folder got or lost something since the backup',
    ]);
    expect(lossLines('data', { linksChangedSince: 1, filesWrittenSince: 0 })).toEqual([
      'data: 1 link was changed since the backup',
    ]);
  });

  test('is never nothing for files that nobody has read', () => {
    expect(lossLines('data', { files: { captured: 1, now: 1 }, filesWrittenSince: 0 })).toEqual([
      'data: nothing seems to have changed; the content was not compared',
    ]);
  });

  test('is not nothing when rows were only updated, or when nobody could look', () => {
    expect(lossLines('database', { tables: {}, contentDiffers: true })).toEqual([
      'database: the counts are equal, the content differs',
    ]);
    expect(lossLines('database', { tables: {}, contentDiffers: null })[0]).toContain('cannot be told');
    expect(lossLines('database', { tables: {}, contentDiffers: false })).toEqual([]);
    expect(lossLines('database', { tables: {}, contentDiffers: null, missing: true })).toEqual([
      'database: the live data is gone',
    ]);
  });
});
