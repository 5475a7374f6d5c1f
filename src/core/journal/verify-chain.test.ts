import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Anchor } from './anchor.ts';
import { GENESIS_HASH, chainHash, leafHash } from './chain-hash.ts';
import type { ChainRow } from './diagnose-row.ts';
import { entryText } from './entry.ts';
import type { JournalEntry } from './entry.ts';
import { verifyChain } from './verify-chain.ts';
import type { VerifyOptions } from './verify-chain.ts';

function entry(index: number, change: Partial<JournalEntry> = {}): JournalEntry {
  return {
    index,
    at: `2026-11-21T10:00:${String(index).padStart(2, '0')}.123Z`,
    type: 'step.started',
    release: 'r-0001',
    service: 'shop',
    environment: 'production',
    actor: { kind: 'executor', id: 'e1' },
    data: { step: `step-${index}` },
    ...change,
  };
}

/** Chains texts as the writer does, numbering from `first` behind `previous`. */
function chained(texts: string[], first = 1, previous = GENESIS_HASH): ChainRow[] {
  return texts.map((text, position) => {
    const previousHash = previous;
    previous = chainHash(previousHash, text);
    return { index: first + position, previousHash, hash: previous, leafHash: leafHash(text), entry: text };
  });
}

function journal(length: number): ChainRow[] {
  return chained(Array.from({ length }, (_, position) => entryText(entry(position + 1))));
}

function headOf(rows: ChainRow[]): Anchor {
  const last = rows.at(-1);
  return last === undefined ? { index: 0, hash: GENESIS_HASH } : { index: last.index, hash: last.hash };
}

const LENGTH = 10;
const honest = journal(LENGTH);
const at = (index: number): ChainRow => honest[index - 1] as ChainRow;
const replaced = (index: number, change: Partial<ChainRow>): ChainRow[] =>
  honest.map((row) => (row.index === index ? { ...row, ...change } : row));
const forged = entryText(entry(5, { type: 'gate.approved', actor: { kind: 'person', id: 'mallory' } }));
const rehashed = chained([forged], 5, at(4).hash)[0] as ChainRow;
const texts = (rows: ChainRow[]): string[] => rows.map((row) => row.entry);
const renumbered = (rows: ChainRow[]): ChainRow[] => rows.map((row, position) => ({ ...row, index: position + 1 }));
const lateEntry = (index: number): string => entryText(entry(index, { at: '2026-11-21T11:00:00.000Z' }));

interface Attack {
  name: string;
  rows: ChainRow[];
  /** Default: the honest head. */
  options?: VerifyOptions;
  index: number;
  cause: string;
  message: RegExp;
}

const head = headOf(honest);
const anchor = (index: number): VerifyOptions => ({ anchors: [{ index, hash: at(index).hash }] });
const rewritten = [...honest.slice(0, 4), ...chained([forged, ...texts(honest.slice(5))], 5, at(4).hash)];
const shortened = chained([
  ...texts(honest.slice(0, 4)),
  ...[6, 7, 8, 9, 10].map((old) => entryText({ ...entry(old), index: old - 1 })),
]);
const continued = [...honest.slice(0, 6), ...chained([7, 8, 9, 10, 11].map(lateEntry), 7, at(6).hash)];

const ATTACKS: Attack[] = [
  {
    name: 'A1 the content of one entry',
    rows: replaced(5, { entry: forged }),
    index: 5,
    cause: 'edited',
    message: /content of entry 5/,
  },
  {
    name: 'A1 the newest entry',
    rows: replaced(10, { entry: lateEntry(10) }),
    index: 10,
    cause: 'edited',
    message: /content of entry 10/,
  },
  {
    name: 'A1 only the time of one entry',
    rows: replaced(5, { entry: entryText(entry(5, { at: '2026-11-21T10:00:05.124Z' })) }),
    index: 5,
    cause: 'edited',
    message: /content of entry 5/,
  },
  {
    name: 'A2 an entry and its own hash',
    rows: replaced(5, { ...rehashed }),
    index: 5,
    cause: 'edited',
    message: /hashed again after entry 6/,
  },
  {
    name: 'A2 the newest entry and its own hash',
    rows: [...honest.slice(0, 9), ...chained([lateEntry(10)], 10, at(9).hash)],
    index: 10,
    cause: 'edited',
    message: /another hash/,
  },
  {
    name: 'A3 an entry and every hash after it',
    rows: rewritten,
    options: { head: headOf(rewritten), ...anchor(8) },
    index: 8,
    cause: 'edited',
    message: /from 1 to 8/,
  },
  {
    name: 'A6 a deleted entry',
    rows: honest.filter((row) => row.index !== 5),
    index: 5,
    cause: 'deleted',
    message: /entry 5 is missing/,
  },
  {
    name: 'A6 three deleted entries',
    rows: honest.filter((row) => row.index < 5 || row.index > 7),
    index: 5,
    cause: 'deleted',
    message: /entries 5 to 7 are missing/,
  },
  {
    name: 'A6 the deleted first entry',
    rows: honest.slice(1),
    index: 1,
    cause: 'deleted',
    message: /entry 1 is missing/,
  },
  {
    name: 'A6 a deleted entry, the rest renumbered',
    rows: renumbered(honest.filter((row) => row.index !== 5)),
    options: { head: { ...head, index: 9 } },
    index: 5,
    cause: 'deleted',
    message: /renumbered/,
  },
  {
    name: 'A7 a deleted entry, the rest renumbered and hashed again',
    rows: shortened,
    options: { head: headOf(shortened), ...anchor(8) },
    index: 8,
    cause: 'edited',
    message: /does not have the hash of the anchor/,
  },
  {
    name: 'A8 the newest entries cut off',
    rows: honest.slice(0, 6),
    index: 7,
    cause: 'truncated',
    message: /the database knows entry 10/,
  },
  { name: 'A8 all entries cut off', rows: [], index: 1, cause: 'truncated', message: /ends at entry 0/ },
  {
    name: 'A9 the newest entries and the head cut off',
    rows: honest.slice(0, 6),
    options: { head: headOf(honest.slice(0, 6)), ...anchor(8) },
    index: 7,
    cause: 'truncated',
    message: /an anchor knows entry 8/,
  },
  {
    name: 'A11 an older copy put back and continued',
    rows: continued,
    options: { head: headOf(continued), ...anchor(10) },
    index: 10,
    cause: 'edited',
    message: /older copy was put back/,
  },
  {
    name: 'A12 two rows exchanged',
    rows: renumbered([...honest.slice(0, 4), at(6), at(5), ...honest.slice(6)]),
    index: 5,
    cause: 'reordered',
    message: /5 and 6 were exchanged/,
  },
  {
    name: 'A12 the contents of two rows exchanged',
    rows: replaced(5, { entry: at(6).entry }).map((row) => (row.index === 6 ? { ...row, entry: at(5).entry } : row)),
    index: 5,
    cause: 'reordered',
    message: /exchanged/,
  },
  {
    name: 'A12 two lines of an export exchanged',
    rows: [...honest.slice(0, 4), at(6), at(5), ...honest.slice(6)],
    index: 5,
    cause: 'reordered',
    message: /6 stands before/,
  },
  {
    name: 'A13 two entries exchanged and everything hashed again',
    rows: chained(texts([...honest.slice(0, 4), at(6), at(5), ...honest.slice(6)])),
    options: {},
    index: 5,
    cause: 'reordered',
    message: /exchanged/,
  },
  {
    name: 'an entry with a wrong number inside, everything hashed again',
    rows: chained([...texts(honest.slice(0, 4)), lateEntry(7), ...texts(honest.slice(5))]),
    options: {},
    index: 5,
    cause: 'wrong-index',
    message: /says inside that it is entry 7/,
  },
  {
    name: 'A18 a new journal in place of the old',
    rows: chained([lateEntry(1)]),
    options: { head: headOf(chained([lateEntry(1)])), ...anchor(8) },
    index: 2,
    cause: 'truncated',
    message: /an anchor knows entry 8/,
  },
  {
    name: 'A20 two writers with the same number',
    rows: [...honest.slice(0, 5), rehashed, ...honest.slice(5)],
    index: 5,
    cause: 'inserted',
    message: /more than one entry 5/,
  },
  {
    name: 'an inserted entry, the rest renumbered',
    rows: renumbered([...honest.slice(0, 4), rehashed, ...honest.slice(4)]),
    options: { head: { ...head, index: 11 } },
    index: 5,
    cause: 'inserted',
    message: /entry 5/,
  },
  {
    name: 'an old entry inserted again',
    rows: renumbered([...honest.slice(0, 4), at(2), ...honest.slice(4)]),
    options: { head: { ...head, index: 11 } },
    index: 5,
    cause: 'inserted',
    message: /entry 5/,
  },
  {
    name: 'two inserted entries, chained',
    rows: renumbered([...honest.slice(0, 4), ...chained([forged, lateEntry(6)], 5, at(4).hash), ...honest.slice(4)]),
    options: { head: { ...head, index: 12 } },
    index: 5,
    cause: 'inserted',
    message: /entries 5 to 6 are put in/,
  },
  {
    name: 'an entry behind the head',
    rows: [...honest, ...chained([lateEntry(11)], 11, at(10).hash)],
    index: 11,
    cause: 'inserted',
    message: /behind the newest/,
  },
  {
    name: 'only the stored hash of an entry',
    rows: replaced(5, { hash: at(6).hash }),
    index: 5,
    cause: 'edited',
    message: /stored hash of entry 5/,
  },
  {
    name: 'only the hash of the entry before',
    rows: replaced(5, { previousHash: at(6).hash }),
    index: 5,
    cause: 'bad-previous',
    message: /hash of the entry before/,
  },
  {
    name: 'a chain with another beginning',
    rows: chained(texts(honest), 1, at(1).hash),
    options: {},
    index: 1,
    cause: 'bad-previous',
    message: /the beginning/,
  },
  {
    name: 'only the leaf hash',
    rows: replaced(5, { leafHash: at(6).leafHash ?? '' }),
    index: 5,
    cause: 'edited',
    message: /leaf hash/,
  },
  {
    name: 'a column beside the entry',
    rows: replaced(5, { columns: { ...entry(5), type: 'gate.rejected' } }),
    index: 5,
    cause: 'edited',
    message: /column "type"/,
  },
  {
    name: 'an entry written with a space',
    rows: chained([...texts(honest.slice(0, 4)), ` ${at(5).entry}`, ...texts(honest.slice(5))]),
    options: {},
    index: 5,
    cause: 'not-canonical',
    message: /RFC 8785/,
  },
];

describe('verifyChain', () => {
  test.each(ATTACKS)(
    'names entry $index and the cause "$cause" for $name',
    async ({ rows, options, index, cause, message }) => {
      const result = await verifyChain(rows, options ?? { head });
      expect(result).toMatchObject({ valid: false, total_entries: rows.length, first_error: { index, cause } });
      expect(result.first_error?.message).toMatch(message);
      expect(result.assurance).toMatch(/^Nothing from entry \d+ on is proven/);
    },
  );

  test('finds nothing in an honest journal', async () => {
    const result = await verifyChain(honest, { head, anchors: [head, { index: 3, hash: at(3).hash }] });
    expect(result).toEqual({
      valid: true,
      total_entries: 10,
      head,
      first_error: null,
      assurance: 'Entries 1 to 10 are exactly those of the anchor.',
    });
  });

  test('takes an empty journal for valid', async () => {
    const result = await verifyChain([], { head: { index: 0, hash: GENESIS_HASH } });
    expect(result).toEqual({
      valid: true,
      total_entries: 0,
      head: null,
      first_error: null,
      assurance: 'The journal is empty.',
    });
  });

  test.each([
    ['A3 everything after an edit hashed again', rewritten],
    ['A7 an entry removed and the rest hashed again', shortened],
    ['A10 an older copy put back', honest.slice(0, 6)],
    ['A11 an older copy continued', continued],
  ])('says that without an anchor it cannot see: %s', async (_, rows) => {
    const result = await verifyChain(rows, { head: headOf(rows) });
    expect(result.valid).toBe(true);
    expect(result.assurance).toMatch(
      /hashes everything again, .*puts back an older copy, would not be seen: give an anchor/,
    );
  });

  test('says which entries the anchor does not reach', async () => {
    const { assurance } = await verifyChain(honest, { head, ...anchor(8) });
    expect(assurance).toMatch(/^Entries 1 to 8 are exactly those of the anchor\. Entries 9 to 10 are newer: somebody/);
  });

  test('holds against every anchor of an entry, also when a later one was noted from a rewritten journal', async () => {
    const notes = [at(8), rewritten[7] as ChainRow].map(({ index, hash }) => ({ index, hash }));
    for (const anchors of [notes, notes.toReversed()]) {
      const result = await verifyChain(rewritten, { head: headOf(rewritten), anchors });
      expect(result.first_error).toMatchObject({ index: 8, cause: 'edited' });
    }
  });

  test('narrows a rewrite down to between two anchors', async () => {
    const anchors = [8, 4, 10].map((index) => ({ index, hash: at(index).hash }));
    const result = await verifyChain(rewritten, { anchors });
    expect(result.first_error?.message).toMatch(/from 5 to 8/);
  });

  test('finds every change of a single character of what is stored', async () => {
    const place = fc.record({ row: fc.nat(LENGTH - 1), field: fc.constantFrom('entry', 'hash', 'previousHash') });
    await fc.assert(
      fc.asyncProperty(place, fc.nat(), fc.nat(14), async ({ row, field }, position, shift) => {
        const changed = honest.map((one) => ({ ...one }));
        const target = changed[row] as ChainRow;
        const text = target[field as 'entry'];
        const where = position % text.length;
        const digit = (Number.parseInt(text.charAt(where), 16) + 1 + shift) % 16;
        const other = field === 'entry' ? String.fromCharCode(text.charCodeAt(where) + 1 + shift) : digit.toString(16);
        target[field as 'entry'] = text.slice(0, where) + other + text.slice(where + 1);
        const { first_error: error } = await verifyChain(changed, { head });
        expect(error?.index).toBe(row + 1);
      }),
    );
  });

  test('finds every row that is left out, doubled or moved', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(LENGTH - 1), fc.nat(LENGTH - 1), fc.boolean(), async (from, to, keep) => {
        const moved = [...honest];
        const [row] = keep ? [honest[from]] : moved.splice(from, 1);
        if (to !== from || keep) moved.splice(to, 0, row as ChainRow);
        const result = await verifyChain(renumbered(moved), { head: { ...head, index: moved.length } });
        expect(result.valid).toBe(false);
      }),
    );
  });
});
