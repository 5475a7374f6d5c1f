import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { GENESIS_HASH, chainHash, leafHash } from './chain-hash.ts';
import { parseEntry } from './entry.ts';

test('the example in the description of the format is what the code computes', () => {
  const page = readFileSync(new URL('../../../docs/formats/journal.md', import.meta.url), 'utf8');
  const entry = /^ {4}(\{"actor".*\})$/m.exec(page)?.[1] ?? '';
  expect(page).toContain(`\n    ${GENESIS_HASH}\n`);
  expect(parseEntry(entry)).toMatchObject({ index: 1, type: 'gate.approved' });
  expect(/leaf_hash ([0-9a-f]{64})/.exec(page)?.[1]).toBe(leafHash(entry));
  expect(/hash {6}([0-9a-f]{64})/.exec(page)?.[1]).toBe(chainHash(GENESIS_HASH, entry));
});
