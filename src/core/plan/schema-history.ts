import type { Json } from '../release/json.ts';
import type { DownEvidence } from './down-evidence.ts';

/** One change of the schema that a release, a rollback or a person made, as the journal has it. */
export interface SchemaEvent {
  /** `restoring`: a restore began, and nobody wrote down how it ended. */
  kind: 'up' | 'contract' | 'down' | 'restored' | 'restoring';
  /** RFC 3339. */
  at: string;
  /** null: a person, by hand. */
  release: string | null;
  /** Of `up` and `contract`; null where the project's tool does not tell. */
  before: string | null;
  /** The revision that was found afterwards; null where the project's tool does not tell. */
  after: string | null;
  /** Of `up`: tables and columns that it brought, as its step has told; absent where it has not. */
  added?: Json[];
  /** Of `restored` and `restoring`: when the backup was taken whose data was put there; null where nobody knows. */
  takenAt: string | null;
  /** Of `restored`: the revision that the data was at when that backup was begun; left out, or null, where nobody asked. */
  takenRevision?: string | null;
}

/** What a release said of its own migration. */
export interface MigratedRelease {
  version: string;
  compatible: boolean;
  reversible: boolean;
  down: DownEvidence;
}

/** How the schema of an environment came to be what it is. */
export interface SchemaHistory {
  /** Oldest first. */
  events: SchemaEvent[];
  /** By id, those that migrated. */
  releases: Record<string, MigratedRelease>;
}

/** A change of the schema that a version before has not seen, still in effect. */
export interface SchemaChange {
  release: string;
  at: string;
  version: string;
  compatible: boolean;
  /** Whether it can be taken back at all; never after `contract`. */
  reversible: boolean;
  down: DownEvidence;
  /** Tables and columns that it brought; absent where nobody knows. */
  added?: Json[];
}

/** Where the schema stands, seen from a version before. */
export interface SchemaDistance {
  /** The revision that version ran on; null where nobody can tell. */
  revision: string | null;
  /** Whether the schema is the one it ran on, or newer by the changes; `other` when it is neither; `unknown` when a restore was cut short and the tool tells no revision. */
  standing: 'same' | 'newer' | 'other' | 'unknown';
  /** Oldest first. */
  changes: SchemaChange[];
}

/** How far the schema has gone since a moment at which a version ran well. */
export function schemaSince(history: SchemaHistory, momentMs: number, revisionNow: string | null): SchemaDistance {
  const then = lineageAt(history.events, momentMs);
  const now = lineageAt(history.events, Number.POSITIVE_INFINITY);
  const revision = (then.at(-1) ?? now[0])?.revision ?? null;
  const current = revisionNow ?? now.at(-1)?.revision ?? null;
  if (now.length === 0) return { revision: current, standing: 'same', changes: [] };
  const shared = then.every((link, index) => now[index]?.revision === link.revision);
  const newer = shared ? now.slice(then.length) : [];
  const changes = newer.flatMap(({ by }) => (by === null ? [] : [changeOf(by, history)]));
  // Killed between its intent and its end, it may have put an older schema there: what is recorded says nothing.
  const isCutShort = history.events.some(({ kind, at }) => kind === 'restoring' && Date.parse(at) > momentMs);
  if (isCutShort && revisionNow === null) return { revision, standing: 'unknown', changes };
  // What was taken away for good shows in no revision where the tool does not count it.
  const isContracted = newer.some(({ by }) => by?.kind === 'contract');
  if (revision !== null && revision === current && !isContracted) return { revision, standing: 'same', changes: [] };
  // Somebody else moved the schema: nobody can tell by which steps it would have to go back.
  const isAsRecorded = revisionNow === null || revisionNow === (now.at(-1)?.revision ?? null);
  if (!shared || !isAsRecorded) return { revision, standing: 'other', changes };
  return { revision, standing: changes.length === 0 ? 'same' : 'newer', changes };
}

/** Data as it was at a moment, with the revision that was found then, where one was. */
export interface SchemaMoment {
  atMs: number;
  revision: string | null;
}

/** Of a backup. */
export function momentOf({
  consistentAt,
  revision = null,
}: {
  consistentAt: string;
  revision?: string | null | undefined;
}): SchemaMoment {
  return { atMs: Date.parse(consistentAt), revision };
}

/** What had changed in data that was not yet so in other data: a backup with such changes has a schema that a version never ran on. */
export function changesBeyond(history: SchemaHistory, since: SchemaMoment, moment: SchemaMoment): SchemaChange[] {
  const then = lineageOf(history.events, since);
  return lineageOf(history.events, moment)
    .filter((link) => link.by !== null && !then.some((one) => one.by === link.by))
    .flatMap(({ by }) => (by === null ? [] : [changeOf(by, history)]));
}

/** The revision that the data was at by the record; null where nobody can tell. */
export function revisionAt(history: SchemaHistory, moment: SchemaMoment): string | null {
  const links = lineageOf(history.events, moment);
  // Before the first change the data was at what that one found.
  return (links.length === 0 ? history.events[0]?.before : links.at(-1)?.revision) ?? null;
}

/** The releases whose changes of the schema are in effect, oldest first, and when each was made. */
export function changesInEffect(events: readonly SchemaEvent[]): { release: string; at: string }[] {
  return lineageAt(events, Number.POSITIVE_INFINITY).flatMap(({ by }) =>
    by === null || by.release === null ? [] : [{ release: by.release, at: by.at }],
  );
}

/**
 * A change is in the record when its step is over, which is after it was made. Data that was found at its revision before that has it; data
 * that was found at an older one may have got it since, so the record is believed there.
 */
function lineageOf(events: readonly SchemaEvent[], { atMs, revision }: SchemaMoment): Link[] {
  const links = lineageAt(events, atMs);
  if (revision === null || links.some((link) => link.revision === revision)) return links;
  const next = events.find((event) => Date.parse(event.at) > atMs);
  // A restore has no step that could have been under way while a backup was taken.
  if (next === undefined || next.kind === 'restored') return links;
  const later = follow(links, next, events);
  return later.at(-1)?.revision === revision ? later : links;
}

/** One revision on the way to the present one, and what led to it; null for where it began. */
interface Link {
  revision: string | null;
  by: SchemaEvent | null;
}

/** The revisions that the data had gone through and not back, at a moment. */
function lineageAt(events: readonly SchemaEvent[], momentMs: number): Link[] {
  let links: Link[] = [];
  for (const event of events.filter((one) => Date.parse(one.at) <= momentMs)) {
    links = follow(links, event, events);
  }
  return links;
}

function follow(links: Link[], event: SchemaEvent, all: readonly SchemaEvent[]): Link[] {
  switch (event.kind) {
    case 'up':
    case 'contract': {
      const from = links.length === 0 ? [{ revision: event.before, by: null }] : links;
      const stayed = event.before !== null && event.before === event.after;
      // What takes away is a change also where the tool tells no revision of it.
      return stayed && event.kind === 'up' ? from : [...from, { revision: event.after, by: event }];
    }
    case 'down': {
      const known = event.after === null ? -1 : links.findLastIndex((link) => link.revision === event.after);
      if (known >= 0) return links.slice(0, known + 1);
      return event.after === null ? links.slice(0, -1) : [{ revision: event.after, by: null }];
    }
    case 'restored': {
      const takenAtMs = Date.parse(event.takenAt ?? event.at);
      if (takenAtMs >= Date.parse(event.at)) return links;
      return lineageOf(all, { atMs: takenAtMs, revision: event.takenRevision ?? null });
    }
    case 'restoring':
      return links;
  }
}

function changeOf(event: SchemaEvent, { releases }: SchemaHistory): SchemaChange {
  const release = event.release ?? '';
  const said = releases[release];
  const added = event.added === undefined ? {} : { added: event.added };
  const common = { release, at: event.at, version: said?.version ?? '', ...added };
  if (said !== undefined && event.kind === 'up')
    return { ...common, compatible: said.compatible, reversible: said.reversible, down: said.down };
  return { ...common, compatible: false, reversible: false, down: { state: 'none', why: TAKEN_AWAY } };
}

const TAKEN_AWAY = 'what older versions needed was taken away (migrate: contract:)';
