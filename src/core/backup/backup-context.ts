import type { Part } from './manifest.ts';

/** The folder of a backup in which lies what belongs to no store. No store can have this name. */
export const CONTEXT_FOLDER = '_context';
/** Below it, at their paths in the project: the files that the way down of a migration needs. */
export const DOWN_FOLDER = `${CONTEXT_FOLDER}/down`;
/** Below it: the environment as it was when the backup was taken. */
export const ENVIRONMENT_NOW = `${CONTEXT_FOLDER}/environment/now.json`;
/** And as the version that ran was started with it, where that is another. */
export const ENVIRONMENT_STARTED = `${CONTEXT_FOLDER}/environment/started.json`;

/** Where the project stands in git. */
export interface CommitFacts {
  /** Of the commit that is checked out. */
  hash: string;
  /** A tag of that commit; the first by name when it has several. */
  tag: string | null;
  /** Whether tracked files of the project differ from it. */
  changed: boolean;
}

/** Where the schema stood, and what takes it back. */
export interface MigrationFacts {
  /** The migration tool. */
  kind: string;
  /** The version whose migration files were asked. */
  version: string;
  /** The revision of the data when the backup was taken; null: the tool does not tell. */
  revision: string | null;
  /** The revision that this version goes up to; null: the tool does not tell. */
  goesTo: string | null;
  /** Why the files of the way down are not in the backup; null: they are. */
  notStored: string | null;
}

/** Which environment is in the backup. Names alone: values lie in the encrypted parts. */
export interface EnvironmentFacts {
  /** Path of the env file as the release file names it; null: there is none. */
  file: string | null;
  /** Names of the variables in the env file and of those that the service is started with, sorted. */
  names: string[];
  /** The release that started the version that ran, where it did so with another environment; null: the same, or not known. */
  startedBy: string | null;
  /** Why it is not in the backup; null: it is. */
  notStored: string | null;
}

/** What a backup knows besides the data of its stores. */
export interface BackupContext {
  /** null: the project is not in git, or git cannot be asked. */
  commit: CommitFacts | null;
  /** Fingerprint of the release file that was in force; null: not known. */
  configuration: string | null;
  /** null: no migration is declared. */
  migration: MigrationFacts | null;
  /** null: there is neither an env file nor a variable. */
  environment: EnvironmentFacts | null;
  /** Sorted by path. */
  parts: Part[];
}

/** Where nothing but the data is known. */
export const NOTHING_KNOWN: Omit<BackupContext, 'parts'> = {
  commit: null,
  configuration: null,
  migration: null,
  environment: null,
};

/** The paths of the way down, relative to the project. */
export function downPaths({ parts }: Pick<BackupContext, 'parts'>): string[] {
  return downParts({ parts }).map((part) => part.path.slice(DOWN_FOLDER.length + 1));
}

export function downParts({ parts }: Pick<BackupContext, 'parts'>): Part[] {
  return parts.filter((part) => part.path.startsWith(`${DOWN_FOLDER}/`));
}
