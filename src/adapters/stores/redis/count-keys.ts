/** Keys that stay, by type and by what stands before the first colon. */
export interface KeyCounts {
  lasting: number;
  types: Map<string, number>;
  prefixes: Map<string, number>;
}

const PREFIXES_MAX = 1000; // with more, they are ids and say nothing; and memory stays small
const PREFIX_LENGTH_MAX = 64;

export function newCounts(): KeyCounts {
  return { lasting: 0, types: new Map(), prefixes: new Map() };
}

export function count(counts: KeyCounts, key: Buffer, type: string): void {
  counts.lasting += 1;
  counts.types.set(type, (counts.types.get(type) ?? 0) + 1);
  const colon = key.indexOf(':');
  if (colon <= 0 || colon > PREFIX_LENGTH_MAX || counts.prefixes.size > PREFIXES_MAX) return;
  const prefix = key.toString('latin1', 0, colon).replace(/[^\x21-\x7e]/g, '?');
  counts.prefixes.set(prefix, (counts.prefixes.get(prefix) ?? 0) + 1);
}

/** As counters; without prefixes when there are too many of them, so that the order of reading never matters. */
export function countersOf(database: number, { types, prefixes }: KeyCounts): Record<string, number> {
  const shown =
    prefixes.size > PREFIXES_MAX ? [] : [...prefixes].map(([prefix, keys]) => [`${prefix}:*`, keys] as const);
  const named = [...types, ...shown].map(([name, keys]) => [`db${database} ${name}`, keys] as const);
  return Object.fromEntries(named.sort(([left], [right]) => (left < right ? -1 : 1)));
}
