import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import {
  changedNames,
  changeWords,
  isSameFile,
  readSnapshot,
  snapshotBytes,
  type EnvFileCopy,
  type EnvironmentSnapshot,
} from '../../core/backup/environment-snapshot.ts';
import type { Plan } from '../../core/plan/plan.ts';
import type { Json } from '../../core/release/json.ts';
import { isProblem } from '../../core/release/problem.ts';
import type { Effect } from '../../platform/effect.ts';
import { parseEnvFile } from '../../platform/env-file.ts';
import { readWithMode, replacedPath, replaceFile } from '../../platform/replace-file.ts';
import { keepNewest, readRecord, writeRecord, type RecordPlace } from '../../platform/sealed-record.ts';
import { referencesIn } from '../../platform/variables.ts';

type Scene = Pick<Plan, 'service' | 'environment' | 'envFile' | 'target'>;

/** Known at the start of a version, and not part of its environment. */
const BOUND = new Set(['VERSION', 'PORT', 'HOST', 'RELEASE', 'SERVICE', 'ENVIRONMENT', 'PREVIOUS_VERSION', 'COMMIT']);
const RECORDS_KEPT = 50; // further back than any rollback goes, and a few kilobytes each

/** The environment as it is now: the env file, and the variables that the service is started with. */
export async function environmentNow(plan: Scene, effect: Effect): Promise<EnvironmentSnapshot> {
  const salt = randomBytes(16).toString('hex');
  const variables: Record<string, string> = {};
  for (const name of referencesIn(textsOf(plan.target.settings).join('\n'))) {
    const value = BOUND.has(name) ? null : valueOf(name, effect);
    if (value !== null) variables[name] = value;
  }
  return { format: 1, salt, file: await fileNow(plan, effect), variables };
}

/** The env file as it lies there; null when none is named, or none is there. */
export async function fileNow({ envFile }: Scene, effect: Effect): Promise<EnvFileCopy | null> {
  if (envFile === null) return null;
  const found = await readWithMode(resolve(effect.projectDirectory, envFile));
  return found === null ? null : { path: envFile, mode: found.mode, content: found.bytes.toString('base64') };
}

/** The env file that this release has put aside; null: none. */
export async function replacedFile(plan: Scene, release: string, effect: Effect): Promise<EnvFileCopy | null> {
  const { envFile } = plan;
  if (envFile === null) return null;
  const found = await fileNow({ ...plan, envFile: replacedPath(envFile, release) }, effect);
  return found === null ? null : { ...found, path: envFile };
}

/** Writes down with which environment a release starts its version; again is harmless. */
export async function noteEnvironment(plan: Scene, release: string, effect: Effect): Promise<EnvironmentSnapshot> {
  const snapshot = await environmentNow(plan, effect);
  await writeRecord(placeOf(effect), recordName(plan, release), snapshotBytes(snapshot));
  await keepNewest(placeOf(effect), beginningOf(plan), RECORDS_KEPT);
  return snapshot;
}

/** With which environment a release started its version; null when nobody wrote it down here. */
export async function notedEnvironment(
  plan: Scene,
  release: string,
  effect: Effect,
): Promise<EnvironmentSnapshot | null> {
  const bytes = await readRecord(placeOf(effect), recordName(plan, release));
  return bytes === null ? null : readSnapshot(bytes);
}

/** What putting a file back would change, as names; null when nothing would. */
export function changeOf(now: EnvFileCopy | null, wanted: EnvFileCopy | null): string | null {
  if (isSameFile(now, wanted)) return null;
  return changeWords(changedNames(namesOf(now), namesOf(wanted)));
}

/** Names of the file and of the variables, sorted. */
export function namesIn({ file, variables }: EnvironmentSnapshot): string[] {
  return [...new Set([...Object.keys(namesOf(file)), ...Object.keys(variables)])].sort();
}

/** Puts the file back, with the mode it had; what it takes the place of stays beside it. Returns where. */
export async function putBack(file: EnvFileCopy, tag: string, effect: Effect): Promise<string> {
  const copy = { bytes: Buffer.from(file.content, 'base64'), mode: file.mode };
  return replaceFile(resolve(effect.projectDirectory, file.path), copy, tag);
}

/** None for a file that cannot be read as NAME=value: its names are then not known, and its bytes are compared all the same. */
function namesOf(file: EnvFileCopy | null): Record<string, string> {
  if (file === null) return {};
  try {
    return parseEnvFile(Buffer.from(file.content, 'base64').toString('utf8'), file.path);
  } catch (error) {
    if (isProblem(error)) return {};
    throw error;
  }
}

function placeOf({ stateDirectory }: Effect): RecordPlace {
  return { folder: join(stateDirectory, 'environments'), keyFolder: join(stateDirectory, 'keys') };
}

function beginningOf({ service, environment }: Scene): string {
  return `${service}_${environment}_`;
}

function recordName(plan: Scene, release: string): string {
  return `${beginningOf(plan)}${release}.sealed`;
}

function textsOf(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

function valueOf(name: string, effect: Effect): string | null {
  try {
    return effect.resolve(`\${${name}}`);
  } catch (error) {
    if (isProblem(error) && error.kind === 'variable-missing') return null;
    throw error;
  }
}
