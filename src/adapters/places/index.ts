import type { z } from 'zod';
import type { Effect } from '../../platform/effect.ts';
import { openDirectoryPlace } from './directory/directory-place.ts';
import { directorySettings, type DirectorySettings } from './directory/settings.ts';
import { patient } from './patient-place.ts';
import type { Place } from './place.ts';
import { openS3Place } from './s3/s3-place.ts';
import { s3Settings, type S3Settings } from './s3/settings.ts';
import { sftpSettings, type SftpSettings } from './sftp/settings.ts';
import { openSftpPlace } from './sftp/sftp-place.ts';

/** What a kind of place needs to be used from the release file. */
export interface PlaceKind {
  settings: z.ZodType;
  /** One line for the reference page. */
  summary: string;
  /** Connects to nothing yet; whoever opens it closes it. Gets the settings as the schema gave them. */
  open(settings: unknown, effect: Effect): Place;
}

export type PlaceKindName = 'directory' | 's3' | 'sftp';

/** Every kind of place for copies of backups by the word it has in the release file. */
export const placeKinds: Record<PlaceKindName, PlaceKind> = {
  directory: {
    settings: directorySettings,
    summary: 'another folder, such as a mounted disk',
    open: (settings, effect) => patient(openDirectoryPlace(settings as DirectorySettings, effect), effect),
  },
  s3: {
    settings: s3Settings,
    summary: 'a bucket of a server that speaks S3',
    open: (settings, effect) => patient(openS3Place(settings as S3Settings, effect), effect),
  },
  sftp: {
    settings: sftpSettings,
    summary: 'a folder of a server that is reached by ssh (SFTP)',
    open: (settings, effect) => patient(openSftpPlace(settings as SftpSettings, effect), effect),
  },
};
