import { errorCode } from '../platform/error-code.ts';

const DISK_FULL = '53100'; // PostgreSQL's code for a disk without room; the transaction is rolled back, so it may be tried again

/** Whether a write failed because the disk below the database is full. */
export function isDatabaseFull(error: unknown): boolean {
  return errorCode(error) === DISK_FULL;
}
