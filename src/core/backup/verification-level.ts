/** How thoroughly a backup was looked at. Each level holds the ones below it. */
export type VerificationLevel = 0 | 1 | 2 | 3 | 4;

/** What `backup verify` does when nobody says how thoroughly, and what every backup passes before a release changes anything. */
export const DEFAULT_LEVEL: VerificationLevel = 2;

/** Restored: what counts as a proof that the data can be had back. */
export const RESTORE_LEVEL: VerificationLevel = 3;

/** Started: the version that ran when the backup was taken works on the restored data. Of a whole backup, never of one store. */
export const START_LEVEL: VerificationLevel = 4;

/** What each level adds, as done and as not done. */
const LEVELS: { level: number; done: string; undone: string }[] = [
  { level: 0, done: 'every part is there and has its size', undone: 'nothing was looked at' },
  {
    level: 1,
    done: 'manifest and signature are right, and every part has its SHA-256',
    undone: 'the content of the parts was not read (V1)',
  },
  { level: 2, done: 'the copy opens and is what was captured', undone: 'the copy was not opened (V2)' },
  { level: 3, done: 'a restored copy is what was captured', undone: 'it was not restored (V3)' },
  { level: 4, done: 'the version of then runs on it', undone: 'no version was started on the restored copy (V4)' },
];

/** Whether the number is a level that can be asked for. */
export function isVerificationLevel(level: number): level is VerificationLevel {
  return level === 0 || level === 1 || level === 2 || level === RESTORE_LEVEL || level === START_LEVEL;
}

/** What a pass at this level says, one clause each. */
export function checkedAt(level: VerificationLevel): string[] {
  return LEVELS.filter((one) => one.level <= level).map((one) => one.done);
}

/** What it leaves open, one clause each. */
export function notCheckedAt(level: VerificationLevel): string[] {
  return LEVELS.filter((one) => one.level > level).map((one) => one.undone);
}
