import { stripVTControlCharacters } from 'node:util';

/** What `knex migrate:list` prints, as lists; null when it is not what knex prints. */
export function readList(output: string): { applied: string[]; pending: string[] } | null {
  const lines = stripVTControlCharacters(output).split(/\r?\n/);
  const applied = namesBelow(lines, 'Completed');
  const pending = namesBelow(lines, 'Pending');
  return applied === null || pending === null ? null : { applied, pending };
}

/** The heading says how many lines follow, so that what the knexfile prints does not become a migration. */
function namesBelow(lines: readonly string[], what: 'Completed' | 'Pending'): string[] | null {
  if (lines.includes(`No ${what} Migration files Found.`)) return [];
  const heading = new RegExp(`^Found (\\d+) ${what} Migration file/files\\.$`);
  const at = lines.findIndex((line) => heading.test(line));
  const count = Number(heading.exec(lines[at] ?? '')?.[1] ?? -1);
  const names = lines.slice(at + 1, at + 1 + count);
  return at >= 0 && names.length === count && names.every((name) => name.trim() !== '') ? names : null;
}
