import type { BackupContext, Part } from './manifest.ts';

/** The folder of a backup in which lies what belongs to no store. No store can have this name. */
export const CONTEXT_FOLDER = '_context';
/** Below it, at their paths in the project: the files that the way down of a migration needs. */
export const DOWN_FOLDER = `${CONTEXT_FOLDER}/down`;
/** Below it: the environment as it was when the backup was taken. */
export const ENVIRONMENT_NOW = `${CONTEXT_FOLDER}/environment/now.json`;
/** And as the version that ran was started with it, where that is another. */
export const ENVIRONMENT_STARTED = `${CONTEXT_FOLDER}/environment/started.json`;

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
