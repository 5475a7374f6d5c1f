/** What the record has of one backup in one second place. */
export interface CopyRecord {
  state: 'copied' | 'failed' | 'pruned' | 'removed';
  /** RFC 3339. */
  at: string;
  /** Why it is not there; null unless it failed. */
  fault: string | null;
}

/** By backup, then by the name of the place. */
export type CopyRecords = ReadonlyMap<string, ReadonlyMap<string, CopyRecord>>;

/** Where one backup stands with one place that the release file names. */
export interface CopyStanding {
  place: string;
  state: CopyRecord['state'] | 'missing';
  at: string | null;
  fault: string | null;
}

/** For every place of the release file; a place that nobody has copied it to is missing. */
export function copyStandings(backup: string, places: readonly string[], records: CopyRecords): CopyStanding[] {
  return places.map((place) => {
    const record = records.get(backup)?.get(place);
    return record === undefined ? { place, state: 'missing', at: null, fault: null } : { place, ...record };
  });
}

/** Why the newest backup is not in a second place, one sentence for each; none when it is in all of them. */
export function copyConcerns(
  newest: string | null,
  places: readonly string[],
  records: CopyRecords,
): { place: string; concern: string }[] {
  if (newest === null) return [];
  return copyStandings(newest, places, records)
    .filter(({ state }) => state === 'failed' || state === 'missing')
    .map(({ place, fault }) => ({
      place,
      concern: `the newest backup ${newest} is not copied to ${place}: ${fault ?? 'nobody has tried yet'}`,
    }));
}

/** In a few words: `copied`, `NOT copied: why`. */
export function describeStanding({ place, state, fault }: CopyStanding): string {
  switch (state) {
    case 'copied':
      return `copied to ${place}`;
    case 'failed':
      return `NOT copied to ${place}: ${fault ?? 'it failed'}`;
    case 'missing':
      return `NOT copied to ${place}`;
    case 'pruned':
      return `to be deleted in ${place}`;
    case 'removed':
      return `deleted in ${place}`;
  }
}
