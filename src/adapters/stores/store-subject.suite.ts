import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreKindName } from './index.ts';

/** Where the data of a store lies while it is exercised. */
export interface StorePlace {
  /** Everything that stands there by name, the project's `.copy` left out: live data, and what stages and swaps leave beside it. */
  names(project: string): Promise<string[]> | string[];
  /** Takes the live data away, as an accident would. */
  removeLive(project: string): Promise<void> | void;
  /** Owner and rights of the live data, as text. */
  rights(project: string): Promise<string> | string;
  /** Makes the place empty again. */
  empty(project: string): Promise<void> | void;
}

/** How one kind of store is exercised: data of a project that is in a known state. */
export interface StoreSubject {
  kind: StoreKindName;
  /** As the schema gives them. */
  settings: unknown;
  place: StorePlace;
  /** Puts the data into the state called `word`; called again it changes the state in place, as a running service would. */
  write(project: string, word: string): Promise<void> | void;
  /** The state of the data, read by other means than the store; null when there is none. Throws for anything between two states. */
  read(project: string): Promise<string | null> | string | null;
  /** The file of a capture whose bytes are flipped. */
  copyFile: string;
  /** Where in that file a flipped bit changes data; without it, at the word `old`. */
  flipAt?(bytes: Buffer): number;
  /** Changes a staged copy as quietly as it can be done. Absent: copies of this kind cannot wait. */
  touchStaged?(project: string, place: string): Promise<void> | void;
  /** Whether a swap has moments without any live data; complete or nothing is promised then. */
  hasGap: boolean;
  /** The engine itself swaps in one step, so that none is ever half done. */
  isAtomic?: true;
}

/** Other bytes in the first file there, as many, and the times that can be set back set back. */
export function touchFile(_project: string, place: string): void {
  const isFolder = statSync(place).isDirectory();
  const inside = isFolder ? (readdirSync(place, { recursive: true }) as string[]).map((name) => join(place, name)) : [];
  const file = isFolder ? (inside.find((path) => statSync(path).isFile()) ?? '') : place;
  const { atime, mtime } = statSync(file);
  const bytes = readFileSync(file);
  bytes.writeUInt8((bytes[bytes.length - 1] ?? 0) ^ 1, bytes.length - 1);
  writeFileSync(file, bytes);
  utimesSync(file, atime, mtime);
}

/** Does one act of a store in a process that a test can kill. */
export const STORE_PROGRAM = 'test/fixtures/processes/store-act.ts';
/** A process for each gap, and with a server a database made and restored for each: a minute on a quiet machine, several on a busy one. */
export const KILLS_LIMIT_MS = 400_000;
/** In every name that a stage or a swap makes. */
export const BESIDE = /restore|replaced|swap/;

/** Data that lies in files of the project folder. */
export const IN_PROJECT_FILES: StorePlace = {
  names: (project) =>
    (readdirSync(project, { recursive: true }) as string[]).filter((name) => !name.startsWith('.copy')).sort(),
  removeLive(project) {
    for (const name of readdirSync(project))
      if (!name.startsWith('.')) rmSync(join(project, name), { recursive: true });
  },
  rights(project) {
    const live = readdirSync(project).filter((name) => !name.startsWith('.') && !BESIDE.test(name));
    return String(statSync(join(project, live[0] ?? '')).mode);
  },
  empty(project) {
    rmSync(project, { recursive: true });
    mkdirSync(project);
  },
};
