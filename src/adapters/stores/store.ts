import type { Capture } from '../../core/backup/manifest.ts';
import type { DataPart, DataShape, PartCount } from '../../core/rehearsal/data-shape.ts';
import type { DataState } from '../../core/rehearsal/data-state.ts';
import type { LockReport } from '../../core/rehearsal/lock-tally.ts';
import type { StatementFault, StatementTry } from '../../core/rehearsal/old-version.ts';
import type { JsonObject } from '../../core/release/json.ts';
import type { Effect } from '../../platform/effect.ts';
import type { Maintenance } from './maintenance.ts';
import type { Prestaging } from './prestaging.ts';
import type { ProvenCopy, Staged } from './restored-copy.ts';
import type { SharedCopies } from './shared-copies.ts';

export type { Capture };
export type { ProvenCopy, Staged } from './restored-copy.ts';
export type { Prestaging, StagedAhead } from './prestaging.ts';
export type { ObjectSink, ObjectSource, OpenedCopy, SharedCopies } from './shared-copies.ts';

/** Enough to swap back. */
export interface SwapRecord {
  /** Where the replaced data is kept, absolute (nothing lies there when there was no live data); null when nothing can be swapped back. */
  keptAt: string | null;
}

/** What a swap left beside the live data, until it is discarded. */
export interface ReplacedData {
  /** What `discard` takes. */
  record: { keptAt: string };
  /** The tag it was staged under: the id of the backup that was restored, with a number behind it when it was restored again. */
  tag: string;
  /** `half`: a swap or its undo was interrupted and has to be finished first; a swap also while the server was not started on the data. */
  state: 'replaced' | 'half';
  /** What `swap` takes to finish one that is half done. Absent: the store has no swap that could be half done. */
  staged?: Staged;
  bytes: number;
}

/** What is known of one table. */
export interface TableDescription {
  /** As it was counted last; null when nobody has counted. */
  rows: number | null;
  /** With its indexes and long values; null when the engine does not tell. */
  bytes: number | null;
  /** Types by column, as the engine writes them. */
  columns: Record<string, string>;
  /** Columns that a validated CHECK proves to hold no NULL; absent: the engine is not asked. */
  proven?: string[];
  /** What a column gets that an INSERT leaves out; `identity` for the sequence of one. Absent: the engine is not asked. */
  defaults?: Record<string, string>;
}

/** Somebody waits for a lock of the server. */
export interface LockWait {
  /** The table, as the server writes it; what else is locked, by its kind. */
  on: string;
  mode: string;
  /** Who holds it, for people; without the text of anybody's query. */
  holder: string;
}

export interface DescribedTables {
  /** Major version of the server; null where it decides nothing. */
  engineVersion: number | null;
  /** By the names that were asked for; what is not there is left out. */
  tables: Record<string, TableDescription>;
  /** Of the names that were asked for, those that nothing in the database has; absent: the engine is not asked. */
  absent?: string[];
}

/** Statements of a version, tried on a scratch copy. What the database says against one is a result; anything else is thrown. */
export interface ScratchStatements {
  /** Whether each can be planned; none is run. */
  plan(texts: readonly string[], effect: Effect): Promise<(StatementFault | null)[]>;
  /** Runs each once, with every constraint looked at, and takes back what it wrote. */
  attempt(texts: readonly string[], effect: Effect): Promise<StatementTry[]>;
  /** Runs each once, for good. */
  perform(texts: readonly string[], effect: Effect): Promise<StatementTry[]>;
  /** Attempts each at a fixed rate while the act runs, which must not throw. Absent: the engine lets nobody in meanwhile. */
  beside?<Result>(
    probe: { texts: readonly string[]; everyMs: number },
    act: () => Promise<Result>,
    effect: Effect,
  ): Promise<{ result: Result; tries: StatementTry[][] }>;
}

/** A restored copy that a server holds. It is never the live data, and nothing of the service knows where it is. */
export interface ServedCopy {
  /** What `$SCRATCH_…` stands for in the release file. */
  variables: Record<string, string>;
  /** For people, without a password. */
  place: string;
  /** Twice is harmless. */
  remove(effect: Effect): Promise<void>;
}

/** What a store must be able to do so that a program can be led to a copy which only a server can hold. */
export interface Serving {
  /** Removes what uses of copies left whose process has died, and ends what they still run; returns the places. */
  sweep(effect: Effect): Promise<string[]>;
  /** Restores the copy and verifies it there. */
  restore(copy: { folder: string; capture: Capture }, id: string, effect: Effect): Promise<ServedCopy>;
}

/** A restored copy on which a migration is tried. */
export interface Scratch extends ServedCopy {
  /** Whether the engine can be asked who holds what. */
  hasLocks: boolean;
  /** Everything in it. Nobody writes meanwhile. */
  read(effect: Effect): Promise<DataState>;
  /** Looks at the locks while the act runs; null where the engine cannot be asked. The act must not throw. */
  watch<Result>(act: () => Promise<Result>, effect: Effect): Promise<{ result: Result; locks: LockReport | null }>;
  readonly statements: ScratchStatements;
  /** Ends whoever is still connected: what a migration that was ended has left. */
  quiet(effect: Effect): Promise<void>;
}

/** What a store must be able to do so that migrations of its data can be rehearsed. */
export interface Rehearsing extends Serving {
  /** The variables of a scratch that does not exist: whoever gets an answer there asks something else. */
  nowhere(id: string, effect: Effect): Promise<Record<string, string>>;
  restore(copy: { folder: string; capture: Capture }, id: string, effect: Effect): Promise<Scratch>;
  /**
   * The live data, of one moment where the engine can, to be compared with another such look: columns may be left out, and a sum may stand for
   * who wrote the rows instead of what is in them. Changes nothing.
   */
  readLive(id: string, effect: Effect): Promise<DataState>;
  /** Statements that the live server has counted, the most frequent first; null where it counts none. Absent: the engine has no such count. */
  counted?(effect: Effect): Promise<string[] | null>;
}

/** Counts of what a way down would throw away. Reads only, and keeps nobody from writing. */
export interface Counting {
  /** No row is read. */
  shape(effect: Effect): Promise<DataShape>;
  /** What is not there is left out. */
  count(parts: readonly DataPart[], effect: Effect): Promise<PartCount[]>;
}

/**
 * A service's data. Promises of every implementation (see store.suite.ts):
 * - `capture` is consistent while the service writes, and never opens a window in which the live data is not usable;
 * - nothing is listed before it is complete: files are written, synced, then the folder is sealed by the vault;
 * - `stage` never touches live data; `swap` is one rename per path and can be undone by `swapBack`; doing either twice is harmless;
 * - a `swap` or `swapBack` that was killed is finished, or undone, by calling either again; there are never two half sets of data;
 * - the replaced data is kept until `discard`;
 * - `prove` touches no live data, and of its scratch place nothing stays: what a killed one left goes with the next.
 * A process that has the data open while it is swapped keeps the replaced data open and writes into it: whoever swaps stops the
 * service before and starts it afterwards.
 */
export interface Store {
  readonly kind: string;
  /** Absent: the engine needs none, or only its owner can. */
  readonly maintenance?: Maintenance;
  /** Fails with a problem when a capture cannot work: missing path, no permission. */
  probe(effect: Effect): Promise<{ engine: string; bytes: number }>;
  /** Writes a consistent copy into the (existing, empty) folder. Fails with `disk-full` before it writes when the copy cannot fit. */
  capture(folder: string, effect: Effect): Promise<Capture>;
  /** Opens the copy and compares it with what the capture recorded; throws `backup-invalid` naming the first difference. */
  verify(folder: string, capture: Capture, effect: Effect): Promise<void>;
  /** Writes the data into an existing folder that is not in use, and verifies it there. Touches nothing else. */
  extract(folder: string, capture: Capture, into: string, effect: Effect): Promise<void>;
  /**
   * Writes the data into a new place of its own kind that a person names: the address of a database that must not exist. Verified there,
   * and there under that name only when it is whole. Absent: this kind of data is written into folders alone.
   */
  restoreInto?(folder: string, capture: Capture, place: string, effect: Effect): Promise<{ place: string }>;
  /**
   * Restores the copy to a place of its own below the scratch folder (or, where the store says so, on a server), lets the engine check it
   * there and compares it with the capture. Throws `backup-invalid` with the first difference, another problem when it could not look.
   */
  prove(folder: string, capture: Capture, scratch: string, effect: Effect): Promise<ProvenCopy>;
  /** Restores the copy beside the live data and verifies it there. The tag (the backup's id) is part of the names it makes. */
  stage(folder: string, capture: Capture, tag: string, effect: Effect): Promise<Staged>;
  /** Deletes what `stage` made, unless it is in use. */
  unstage(staged: Staged, effect: Effect): Promise<void>;
  swap(staged: Staged, effect: Effect): Promise<SwapRecord>;
  /** What a swap of this copy returns, for whoever has to undo one that failed half way. */
  recordOf(staged: Staged, effect: Effect): SwapRecord;
  swapBack(record: SwapRecord, effect: Effect): Promise<void>;
  discard(record: SwapRecord, effect: Effect): Promise<void>;
  /** Everything that swaps of this store have left and nobody has discarded. */
  replaced(effect: Effect): Promise<ReplacedData[]>;
  /** Absent: a copy cannot wait beside the live data; it is staged when it is needed. */
  readonly prestaging?: Prestaging;
  /** What a restore of this capture would throw away, in counts by table or directory. */
  changesSince(capture: Capture, effect: Effect): Promise<JsonObject>;
  /** Of a SQL database: how large the tables are that a migration will touch. Reads only. */
  describeTables?(names: readonly string[], effect: Effect): Promise<DescribedTables>;
  /** Absent: every copy is whole by itself. A vault that keeps objects uses these instead of the acts of the same name. */
  readonly shared?: SharedCopies;
  /** Where in a folder that `extract` has filled the data lies that a program is led to. Absent: such a folder is of no use to a program. */
  placeIn?(into: string, effect: Effect): Promise<string>;
  /** Of a SQL database. Absent: it has no columns to count. */
  readonly counting?: Counting;
  /** Of a SQL server: tells who keeps the sessions of that name waiting, until the signal of the effect fires. Reads only. */
  watchWaits?(applicationName: string, found: (wait: LockWait) => void, effect: Effect): Promise<void>;
  /** Absent: a migration of this kind of data cannot be tried on a copy. */
  readonly rehearsing?: Rehearsing;
  /** Of a server whose data no program can open by itself. Absent: a program is led by `placeIn`, by `rehearsing`, or nowhere. */
  readonly serving?: Serving;
}
