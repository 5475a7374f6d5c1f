import type { Verification } from '../../core/journal/verify-chain.ts';
import { formatCount } from '../../core/verdict/format-measured.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';

/** Whether the journal is as it was written, the first bad entry when it is not, and what this proves. */
export function verifyLines(style: Style, found: Verification): string[] {
  const entries = `${formatCount(found.total_entries)} ${found.total_entries === 1 ? 'entry' : 'entries'}`;
  const head = found.head === null ? '' : `, head ${found.head.index}:${found.head.hash}`;
  if (found.first_error === null) return [`journal: ${style.good('ok')}, ${entries}${head}`, found.assurance];
  const { index, cause, message } = found.first_error;
  return [
    style.bad(`journal: BROKEN at entry ${index} (${cause})`),
    printable(message),
    index > 1 ? `entries 1 to ${index - 1} are consistent` : 'no entry is proven',
    found.assurance,
    'next: keep the database as it is, copy it, and compare with an older backup of it',
  ];
}
