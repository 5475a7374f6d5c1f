import type { Anchor, Verification } from '../core/journal/verify-chain.ts';
import { problem } from '../core/release/problem.ts';
import { verifyJournal } from '../state/journal.ts';
import type { App } from './app.ts';
import { existingMemory } from './existing-memory.ts';

/** Checks the whole journal and changes nothing. Anchors are what was written down outside the database. */
export async function verifyRecord(app: App, anchors: readonly Anchor[]): Promise<Verification> {
  const { db } = await existingMemory(app);
  return verifyJournal(db, { anchors });
}

/** Reads `1881:5be1…` (entry and its SHA-256 in hex). Throws `usage` for anything else. */
export function parseAnchor(text: string): Anchor {
  const found = /^([1-9]\d{0,14}):([0-9a-fA-F]{64})$/.exec(text.trim());
  if (found !== null) return { index: Number(found[1]), hash: (found[2] ?? '').toLowerCase() };
  throw problem('usage', `"${text.slice(0, 80)}" is not an anchor`, {
    next: 'Write the entry and its whole hash: --anchor 1881:<64 hex digits>',
  });
}
