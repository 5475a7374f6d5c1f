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
  /** Of `restored` and `restoring`: when the backup was taken whose data was put there; null where nobody knows. */
  takenAt: string | null;
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

/** What had changed at a moment that was not yet so at another: a backup with such changes has a schema that a version never ran on. */
export function changesBeyond(history: SchemaHistory, sinceMs: number, momentMs: number): SchemaChange[] {
  const then = lineageAt(history.events, sinceMs);
  return lineageAt(history.events, momentMs)
    .filter((link) => link.by !== null && !then.some((one) => one.by === link.by))
    .flatMap(({ by }) => (by === null ? [] : [changeOf(by, history)]));
}

/** The revision that the data was at; null where nobody can tell. */
export function revisionAt(history: SchemaHistory, momentMs: number): string | null {
  return lineageAt(history.events, momentMs).at(-1)?.revision ?? null;
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
      return takenAtMs >= Date.parse(event.at) ? links : lineageAt(all, takenAtMs);
    }
    case 'restoring':
      return links;
  }
}

function changeOf(event: SchemaEvent, { releases }: SchemaHistory): SchemaChange {
  const release = event.release ?? '';
  const said = releases[release];
  const common = { release, at: event.at, version: said?.version ?? '' };
  if (said !== undefined && event.kind === 'up')
    return { ...common, compatible: said.compatible, reversible: said.reversible, down: said.down };
  return { ...common, compatible: false, reversible: false, down: { state: 'none', why: TAKEN_AWAY } };
}

const TAKEN_AWAY = 'what older versions needed was taken away (migrate: contract:)';
