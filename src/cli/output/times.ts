import { formatDuration } from '../../core/plan/format-duration.ts';

/** `2026-11-14 10:20:05Z` of an RFC 3339 time in UTC. */
export function shownTime(at: string): string {
  return `${at.slice(0, 10)} ${at.slice(11, 19)}Z`;
}

/** `5m ago`; nothing finer than a second is worth reading. */
export function age(at: string, nowMs: number): string {
  return formatDuration(Math.max(0, Math.round((nowMs - Date.parse(at)) / 1000)));
}
