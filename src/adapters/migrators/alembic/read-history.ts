/** One line of `alembic history`, which knows nothing but text. */
export interface HistoryEntry {
  revision: string;
  parents: string[];
}

// `r1, r2 -> r3 (head) (mergepoint), what it does`; `<base> -> r1, …`. What env.py prints besides has no arrow between revisions.
const ENTRY = /^(<base>|[\w.-]+(?:, [\w.-]+)*) -> ([\w.-]+)(?: \([^)]*\))*,(?: .*)?$/;

/** The revisions that there are files for, newest first, as alembic prints them. */
export function readHistory(output: string): HistoryEntry[] {
  return output.split(/\r?\n/).flatMap((line) => {
    const [, parents, revision] = ENTRY.exec(line) ?? [];
    if (parents === undefined || revision === undefined) return [];
    return [{ revision, parents: parents === '<base>' ? [] : parents.split(', ') }];
  });
}

// `r2 (head)`, `r1`, `r3 (head) (mergepoint)`.
const CURRENT = /^([\w.-]+)(?: \((?:effective )?(?:head|branchpoint|mergepoint|current)\))*$/;

/** The revisions the database is at, sorted; none when it is empty. */
export function readCurrent(output: string): string[] {
  return output
    .split(/\r?\n/)
    .flatMap((line) => CURRENT.exec(line)?.[1] ?? [])
    .toSorted();
}

/** What is applied and what is not, oldest first. Applied is what the current revisions stand on. */
export function splitHistory(
  history: readonly HistoryEntry[],
  current: readonly string[],
): { applied: string[]; pending: string[] } {
  const parents = new Map(history.map((entry) => [entry.revision, entry.parents]));
  const applied = new Set<string>();
  const open = [...current];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (applied.has(next)) continue;
    applied.add(next);
    open.push(...(parents.get(next) ?? []));
  }
  const oldestFirst = history.map((entry) => entry.revision).toReversed();
  return {
    applied: oldestFirst.filter((revision) => applied.has(revision)),
    pending: oldestFirst.filter((revision) => !applied.has(revision)),
  };
}

/** The revision that `upgrade` ends at; null where the word means something that only alembic can resolve. */
export function goalOf(to: string, history: readonly HistoryEntry[]): string | null {
  if (history.some((entry) => entry.revision === to)) return to;
  if (to !== 'head' && to !== 'heads') return null;
  const parents = new Set(history.flatMap((entry) => entry.parents));
  const heads = history.map((entry) => entry.revision).filter((revision) => !parents.has(revision));
  return heads.length === 0 ? null : heads.toSorted().join(',');
}
