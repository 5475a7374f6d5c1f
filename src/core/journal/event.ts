import type { Json, JsonObject } from '../release/json.ts';

/** How one field of an event's data must look. A question mark: may be null or absent. */
type FieldRule = 'text' | 'text?' | 'whole' | 'yes-no' | 'json' | 'json?';

/** Further fields of any kind are allowed where this key is listed; everywhere else an unlisted field is refused, so that nothing slips in. */
const FURTHER = '...';

/** Every type of event and what its data holds. A new type is one line here; types and checks follow from it. */
const EVENT_DATA = {
  'release.planned': {
    version: 'text',
    kind: 'text',
    plan: 'text',
    reason: 'text?',
    previousVersion: 'text?',
    [FURTHER]: 'json',
  },
  'release.waiting': { [FURTHER]: 'json' },
  'release.running': { [FURTHER]: 'json' },
  'release.watching': { [FURTHER]: 'json' },
  'release.stable': { [FURTHER]: 'json' },
  'release.rolling-back': { [FURTHER]: 'json' },
  'release.rolled-back': { [FURTHER]: 'json' },
  'release.needs-human': { [FURTHER]: 'json' },
  'release.cancelled': { [FURTHER]: 'json' },
  'step.started': { step: 'text', attempt: 'whole', interrupted: 'yes-no' },
  'step.finished': { step: 'text', attempt: 'whole', result: 'json' },
  'step.failed': { step: 'text', attempt: 'whole', problem: 'json' },
  'step.undone': { step: 'text', attempt: 'whole', result: 'json?' },
  'step.observed': { step: 'text', [FURTHER]: 'json' },
  // Before a way up is gone: the tables and columns that were there, by which a half migration is found.
  'step.found': { step: 'text', shapes: 'json' },
  // Before a way down is gone: what only the newer schema has a place for.
  'step.loses': { step: 'text', parts: 'json', uncounted: 'text?' },
  'gate.opened': { plan: 'text', [FURTHER]: 'json' },
  'gate.approved': { plan: 'text', reason: 'text?' },
  'gate.rejected': { plan: 'text', reason: 'text?' },
  // Without a release: by hand, with why.
  'lock.taken': { person: 'text', why: 'text?' },
  'lock.freed': {},
  'lock.broken': { reason: 'text', holder: 'text' },
  'backup.sealed': { backup: 'text', [FURTHER]: 'json' },
  'backup.verified': { backup: 'text', [FURTHER]: 'json' },
  // One store of one look; a look at the whole backup also gives one backup.verified.
  'backup.proven': { backup: 'text', store: 'text?', level: 'whole', outcome: 'text', [FURTHER]: 'json' },
  // What is about to be replaced, and where it will be kept: whoever is killed in between has told it. What follows says how it ended.
  'backup.restoring': { backup: 'text', [FURTHER]: 'json' },
  'backup.restore-failed': { backup: 'text', [FURTHER]: 'json' },
  'backup.restored': { backup: 'text', [FURTHER]: 'json' },
  'backup.extracted': { backup: 'text', [FURTHER]: 'json' },
  // A second place is named as the release file names it.
  'backup.copied': { backup: 'text', place: 'text', [FURTHER]: 'json' },
  'backup.copy-failed': { backup: 'text', place: 'text', fault: 'text' },
  'backup.copy-damaged': { backup: 'text', place: 'text', fault: 'text' },
  'backup.fetched': { backup: 'text', place: 'text', manifest: 'text' },
  'backup.copy-pruned': { backup: 'text', place: 'text', rule: 'text' },
  'backup.copy-recovered': { backup: 'text', place: 'text', rule: 'text' },
  'backup.copy-removed': { backup: 'text', place: 'text' },
  // Written before the deed: a deletion nobody can read about is worse than one that is told and then interrupted.
  'backup.pruned': { backup: 'text', manifest: 'text?', rule: 'text' },
  'backup.recovered': { backup: 'text', rule: 'text' },
  'backup.removed': { backup: 'text' },
  'backup.pinned': { backup: 'text', reason: 'text' },
  'backup.unpinned': { backup: 'text', reason: 'text?' },
  'store.maintained': { store: 'text', act: 'text', passed: 'yes-no', [FURTHER]: 'json' },
  'data.discarded': { store: 'text', place: 'text', bytes: 'whole' },
  // Begun is written before anything is restored, so that a rehearsal that nobody finished can be seen.
  'rehearsal.begun': { rehearsal: 'text', version: 'text', backup: 'text', store: 'text' },
  'rehearsal.finished': { rehearsal: 'text', version: 'text', outcome: 'text', [FURTHER]: 'json' },
  'watch.breached': { criterion: 'text', [FURTHER]: 'json' },
  'watch.verdict': { [FURTHER]: 'json' },
  'quarantine.set': { version: 'text', reason: 'text' },
  'quarantine.lifted': { version: 'text', reason: 'text' },
  'hold.set': { reason: 'text' },
  'hold.lifted': { reason: 'text' },
  'request.made': { request: 'text', reason: 'text?', data: 'text?' },
  'executor.started': { [FURTHER]: 'json' },
  'executor.lost': { [FURTHER]: 'json' },
  'executor.took-over': { from: 'text', [FURTHER]: 'json' },
  'journal.verified': { valid: 'yes-no', totalEntries: 'whole', [FURTHER]: 'json' },
} as const satisfies Record<string, Record<string, FieldRule>>;

export type JournalEventType = keyof typeof EVENT_DATA;

interface FieldValues {
  text: string;
  'text?': string | null;
  whole: number;
  'yes-no': boolean;
  json: Json;
  'json?': Json;
}

type Rules<T extends JournalEventType> = (typeof EVENT_DATA)[T];
type Named<R> = Exclude<keyof R, typeof FURTHER>;
type Needed<R> = {
  [K in Named<R> as R[K] extends `${string}?` ? never : K]: R[K] extends FieldRule ? FieldValues[R[K]] : never;
};
type Optional<R> = {
  [K in Named<R> as R[K] extends `${string}?` ? K : never]?: R[K] extends FieldRule ? FieldValues[R[K]] : never;
};
type Further<R> = typeof FURTHER extends keyof R ? JsonObject : unknown;

/** The data of one type of event. */
export type EventData<T extends JournalEventType> = Needed<Rules<T>> & Optional<Rules<T>> & Further<Rules<T>>;

export const ACTOR_KINDS = ['person', 'executor', 'schedule', 'ci', 'system'] as const;

/** Who did it. The id is a name of ours (a person's login, an executor's id), not an e-mail address: it can never be erased. */
export interface Actor {
  kind: (typeof ACTOR_KINDS)[number];
  id: string;
}

interface EventFrame {
  /** The release it belongs to, or null for what concerns the whole installation. */
  release: string | null;
  /** Empty where no service is concerned. */
  service: string;
  environment: string;
  actor: Actor;
}

/** What happened, before it has a place and a time in the journal. */
export type JournalEvent = { [T in JournalEventType]: EventFrame & { type: T; data: EventData<T> } }[JournalEventType];

/** Says what is wrong with an event that comes from outside the compiler's sight; null when it is right. */
export function explainEvent(event: JournalEvent): string | null {
  const rules: Record<string, FieldRule> | undefined = EVENT_DATA[event.type];
  if (rules === undefined) return `there is no event type "${String(event.type)}"`;
  if (event.release !== null && (typeof event.release !== 'string' || event.release === ''))
    return 'release is not a text or null';
  if (typeof event.service !== 'string' || typeof event.environment !== 'string')
    return 'service or environment is not a text';
  if (!ACTOR_KINDS.includes(event.actor?.kind) || typeof event.actor.id !== 'string' || event.actor.id === '') {
    return 'actor is not {kind, id}';
  }
  return explainData(event.data as JsonObject, rules);
}

function explainData(data: JsonObject, rules: Record<string, FieldRule>): string | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return 'data is not an object';
  for (const [name, rule] of Object.entries(rules)) {
    if (name !== FURTHER && !fits(data[name], rule)) return `data.${name} is not ${rule}`;
  }
  const unlisted = FURTHER in rules ? undefined : Object.keys(data).find((name) => !Object.hasOwn(rules, name));
  return unlisted === undefined ? null : `data.${unlisted} is not a field of this event type`;
}

function fits(value: Json | undefined, rule: FieldRule): boolean {
  switch (rule) {
    case 'text':
      return typeof value === 'string';
    case 'text?':
      return value === undefined || value === null || typeof value === 'string';
    case 'whole':
      return Number.isSafeInteger(value);
    case 'yes-no':
      return typeof value === 'boolean';
    case 'json':
      return value !== undefined;
    case 'json?':
      return true;
  }
}
