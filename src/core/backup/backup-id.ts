import { problem } from '../release/problem.ts';

/** Why a backup was taken; part of its id. */
export const BACKUP_REASONS = ['pre-release', 'pre-rollback', 'pre-restore', 'manual', 'daily'] as const;
export type BackupReason = (typeof BACKUP_REASONS)[number];

export interface BackupIdParts {
  /** Milliseconds since 1970; the id keeps whole seconds. */
  takenAtMs: number;
  service: string;
  environment: string;
  reason: BackupReason;
  /** Six characters of lower-case base32: two backups of the same second must not collide. */
  random: string;
}

// The underscore separates the parts, so no part may hold one. 63: the whole id stays under the 255 bytes of a file name.
const NAME = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const ID = new RegExp(
  `^bk_(\\d{4})(\\d{2})(\\d{2})T(\\d{2})(\\d{2})(\\d{2})Z_(${NAME})_(${NAME})_(${BACKUP_REASONS.join('|')})_([a-z2-7]{6})$`,
);

/** `bk_20261121T004311Z_<service>_<environment>_<reason>_<random>`: sorts by time, safe as a folder name. Throws `usage` for names it cannot hold. */
export function formatBackupId(parts: BackupIdParts): string {
  const stamp = new Date(parts.takenAtMs)
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, 'Z');
  const names = [encodeName(parts.service), encodeName(parts.environment)];
  const id = ['bk', stamp, ...names, parts.reason, parts.random].join('_');
  if (parseBackupId(id) === null) {
    throw problem('usage', `no backup id can be made for service "${parts.service}" in "${parts.environment}"`, {
      next: 'Use letters, digits and hyphens, at most 63 of them, in the names of service and environment.',
    });
  }
  return id;
}

/** The parts of an id, or null when the text is not exactly one. Names are lower case with hyphens, as they stand in the id. */
export function parseBackupId(text: string): BackupIdParts | null {
  const found = ID.exec(text);
  if (!found) return null;
  const [, year, month, day, hour, minute, second, service, environment, reason, random] = found;
  const takenAtMs = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  // 20260231 would quietly become March 3.
  const stamp = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  if (new Date(takenAtMs).toISOString() !== stamp) return null;
  return {
    takenAtMs,
    service: service ?? '',
    environment: environment ?? '',
    reason: reason as BackupReason,
    random: random ?? '',
  };
}

/** Whether data beside the live one was restored under this name: the id of a backup, or what is left of it in the short names of an engine. */
export function isTagOfBackup(tag: string): boolean {
  return parseBackupId(tag.replace(/-\d+$/, '')) !== null || /^\d{8}T\d{6}Z_[0-9a-f]{10}$/.test(tag);
}

/** Whether the id was made for this service and environment. */
export function isBackupOf(id: string, service: string, environment: string): boolean {
  const parts = parseBackupId(id);
  return parts !== null && parts.service === encodeName(service) && parts.environment === encodeName(environment);
}

// Two names that differ only here would share ids; the manifest holds the exact names and decides.
function encodeName(name: string): string {
  return name.toLowerCase().replace(/[_.]/g, '-');
}
