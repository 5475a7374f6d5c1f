import { problem, type Problem } from '../release/problem.ts';
import { BACKUP_REASONS, isBackupOf, parseBackupId } from './backup-id.ts';
import { isAgeRecipient } from './age-recipient.ts';
import {
  CODECS,
  consistencyWindowMs,
  MANIFEST_FORMATS,
  manifestBytes,
  objectsOf,
  partsOf,
  storedBytesOf,
  storedOf,
  totalsOf,
  type BackupContext,
  type Manifest,
  type Seal,
  type SealedObject,
} from './manifest.ts';
import { CONTEXT_FOLDER, downParts, ENVIRONMENT_NOW, ENVIRONMENT_STARTED } from './backup-context.ts';
import { isSigner } from './signer.ts';
import { isSafePath } from './safe-path.ts';

type Fields = Record<string, unknown>;
type Test = (value: unknown) => boolean;

const isText: Test = (value) => typeof value === 'string' && value !== '';
const isTextOrNull: Test = (value) => value === null || isText(value);
const isCount: Test = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isSha256: Test = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isTime: Test = (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value);
const isObject: Test = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isList: Test = (value) => Array.isArray(value);
const isCounters: Test = (value) => isObject(value) && Object.values(value as Fields).every(isCount);

const MANIFEST: Record<Exclude<keyof Manifest, 'seal' | 'context'>, Test> = {
  format: (value) => MANIFEST_FORMATS.some((format) => format === value),
  id: (value) => typeof value === 'string' && parseBackupId(value) !== null,
  service: isText,
  environment: isText,
  reason: (value) => BACKUP_REASONS.some((reason) => reason === value),
  release: isTextOrNull,
  version: isTextOrNull,
  createdAt: isObject,
  consistencyWindowMs: isCount,
  tool: isText,
  stores: isList,
  previous: (value) => value === null || isSha256(value),
  totals: isObject,
};
const STORE = { name: isName, kind: isText, engine: isText, capture: isObject, parts: isList };
const CAPTURE = { engine: isText, consistentAt: isTime, liveBytes: isCount, counters: isCounters, fingerprint: isText };
const PART = { path: isText, bytes: isCount, sha256: isSha256 };
const STORED = { codec: isCodec, bytes: isCount, sha256: isSha256 };
const OBJECT = { path: isText, bytes: isObjectSize, stored: isObject };
const CONTEXT = {
  commit: isObjectOrNull,
  configuration: isTextOrNull,
  migration: isObjectOrNull,
  environment: isObjectOrNull,
  parts: isList,
};
const COMMIT = { hash: isText, tag: isTextOrNull, changed: isYesOrNo };
const MIGRATION = {
  kind: isText,
  version: isText,
  revision: isTextOrNull,
  goesTo: isTextOrNull,
  notStored: isTextOrNull,
};
const ENVIRONMENT = { file: isTextOrNull, names: isNames, startedBy: isTextOrNull, notStored: isTextOrNull };
const SEAL = { encryption: isObjectOrNull, signer: isSigner, storedBytes: isCount };
const ENCRYPTION = { cipher: isCipher, blockBytes: isBlockSize, recipients: isRecipients, keys: isObject };

// A manifest from outside must not make us hold more than this at once.
const BLOCK_BYTES_MAX = 16 * 1024 * 1024;
const RECIPIENTS_MAX = 100;
const OBJECT_BYTES_MAX = 16 * 1024 * 1024;

function isYesOrNo(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isCodec(value: unknown): boolean {
  return CODECS.some((codec) => codec === value);
}

function isObjectOrNull(value: unknown): boolean {
  return value === null || isObject(value);
}

function isCipher(value: unknown): boolean {
  return value === 'aes-256-gcm';
}

function isBlockSize(value: unknown): boolean {
  return isCount(value) && (value as number) >= 1 && (value as number) <= BLOCK_BYTES_MAX;
}

function isObjectSize(value: unknown): boolean {
  return isCount(value) && (value as number) <= OBJECT_BYTES_MAX;
}

function isRecipients(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= RECIPIENTS_MAX &&
    value.every((one) => typeof one === 'string' && isAgeRecipient(one))
  );
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && isSafePath(value) && !value.includes('/');
}

/** The manifest in the bytes, or `backup-invalid` with the first thing that is wrong. Nothing of it may be used before this. */
export function readManifest(bytes: Buffer, where: string): Manifest {
  const value = parseJson(bytes, where);
  const format = Number(value['format']);
  const isSealed = format >= 2;
  const hasContext = format >= 3;
  const tests = { ...MANIFEST, ...(isSealed ? { seal: isObject } : {}), ...(hasContext ? { context: isObject } : {}) };
  requireFields(value, tests, '', where);
  requireFields(value['createdAt'], { start: isTime, end: isTime }, 'createdAt.', where);
  requireFields(value['totals'], { files: isCount, bytes: isCount }, 'totals.', where);
  (value['stores'] as unknown[]).forEach((store, index) =>
    requireStore(store, { prefix: `stores[${index}].`, isSealed, mayShare: hasContext }, where),
  );
  if (hasContext) requireContext(value['context'], where);
  if (isSealed) requireSeal(value['seal'], where);
  const manifest = value as unknown as Manifest;
  if (!manifestBytes(manifest).equals(bytes)) throw invalid('it is not in canonical form', where);
  requireConsistent(manifest, where);
  return manifest;
}

function parseJson(bytes: Buffer, where: string): Fields {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isObject(value)) return value as Fields;
  } catch (error) {
    throw invalid(`it is not JSON (${error instanceof Error ? error.message : 'unreadable'})`, where);
  }
  throw invalid('it is not a JSON object', where);
}

function requireFields(
  value: unknown,
  tests: Record<string, Test>,
  prefix: string,
  where: string,
): asserts value is Fields {
  if (!isObject(value)) throw invalid(`${prefix.slice(0, -1)} is not an object`, where);
  const fields = value as Fields;
  for (const [name, test] of Object.entries(tests)) {
    if (!test(fields[name])) throw invalid(`${prefix}${name} is missing or wrong`, where);
  }
  const unknown = Object.keys(fields).find((name) => !Object.hasOwn(tests, name));
  if (unknown !== undefined) throw invalid(`${prefix}${unknown} is not known in this format`, where);
}

function requireSeal(value: unknown, where: string): void {
  requireFields(value, SEAL, 'seal.', where);
  const { encryption } = value as unknown as Seal;
  if (encryption === null) return;
  requireFields(encryption, ENCRYPTION, 'seal.encryption.', where);
  requireFields(encryption.keys, { bytes: isCount, sha256: isSha256 }, 'seal.encryption.keys.', where);
}

function requireStore(
  value: unknown,
  at: { prefix: string; isSealed: boolean; mayShare: boolean },
  where: string,
): void {
  const { prefix, isSealed, mayShare } = at;
  const hasObjects = mayShare && isObject(value) && Object.hasOwn(value as Fields, 'objects');
  requireFields(value, hasObjects ? { ...STORE, objects: isList } : STORE, prefix, where);
  requireFields(value['capture'], CAPTURE, `${prefix}capture.`, where);
  const folder = String(value['name']);
  if (folder === CONTEXT_FOLDER) throw invalid(`${prefix}name is not the name of a store`, where);
  (value['parts'] as unknown[]).forEach((part, index) =>
    requirePart(part, { prefix: `${prefix}parts[${index}].`, isSealed, folder }, where),
  );
  if (hasObjects) requireObjects(value, prefix, where);
}

function requirePart(part: unknown, at: { prefix: string; isSealed: boolean; folder: string }, where: string): void {
  const { prefix, isSealed, folder } = at;
  requireFields(part, isSealed ? { ...PART, stored: isObject } : PART, prefix, where);
  if (isSealed) requireFields(part['stored'], STORED, `${prefix}stored.`, where);
  const path = String(part['path']);
  // A path that climbs out would let a manifest name, or a restore read, any file of the machine.
  if (!isSafePath(path) || !path.startsWith(`${folder}/`)) {
    throw invalid(`${prefix}path ${JSON.stringify(path)} leaves the folder of its store`, where);
  }
}

function requireContext(value: unknown, where: string): void {
  requireFields(value, CONTEXT, 'context.', where);
  const { commit, migration, environment } = value as unknown as BackupContext;
  if (commit !== null) requireFields(commit, COMMIT, 'context.commit.', where);
  if (migration !== null) requireFields(migration, MIGRATION, 'context.migration.', where);
  if (environment !== null) requireFields(environment, ENVIRONMENT, 'context.environment.', where);
  (value['parts'] as unknown[]).forEach((part, index) => {
    const prefix = `context.parts[${index}].`;
    requirePart(part, { prefix, isSealed: true, folder: CONTEXT_FOLDER }, where);
  });
}

function requireObjects(store: Fields, prefix: string, where: string): void {
  (store['objects'] as unknown[]).forEach((object, index) => {
    const at = `${prefix}objects[${index}].`;
    requireFields(object, OBJECT, at, where);
    const { path, stored } = object as unknown as SealedObject;
    const isShared = Object.hasOwn(stored, 'from');
    requireFields(stored, isShared ? { ...STORED, from: isText } : STORED, `${at}stored.`, where);
    // Held in memory as a whole while it is read; packing and encryption add less than this.
    if (stored.bytes > 2 * OBJECT_BYTES_MAX) throw invalid(`${at}stored.bytes is more than an object may have`, where);
    const folder = `${String(store['name'])}/objects/`;
    if (!isSafePath(path) || !path.startsWith(folder) || path.slice(folder.length).includes('/')) {
      throw invalid(`${at}path ${JSON.stringify(path)} leaves the folder of its store`, where);
    }
  });
}

/** What the context says it holds is there, and nothing besides. */
function contextFaults({ context, seal }: Manifest): [boolean, string][] {
  if (context === undefined) return [];
  const { migration, environment, parts } = context;
  const paths = parts.map((part) => part.path);
  const down = downParts(context).length;
  const hasDown = migration !== null && migration.notStored === null;
  const snapshots = paths.filter((path) => path === ENVIRONMENT_NOW || path === ENVIRONMENT_STARTED);
  const hasEnvironment = environment !== null && environment.notStored === null;
  const wanted = hasEnvironment
    ? [ENVIRONMENT_NOW, ...(environment.startedBy === null ? [] : [ENVIRONMENT_STARTED])]
    : [];
  return [
    [hasDown === down > 0, 'it has other files for the way down than it says'],
    [snapshots.join() === wanted.join(), 'it has another environment than it says'],
    [down + snapshots.length === paths.length, 'its context has a part that is not known in this format'],
    [!hasEnvironment || (seal?.encryption ?? null) !== null, 'its environment is not encrypted'],
  ];
}

function requireConsistent(manifest: Manifest, where: string): void {
  const parts = partsOf(manifest);
  const objects = manifest.stores.flatMap(objectsOf);
  const paths = [...parts, ...objects].map(({ path }) => path);
  const totals = totalsOf(manifest);
  const facts: [boolean, string][] = [
    [isBackupOf(manifest.id, manifest.service, manifest.environment), 'its id names another service or environment'],
    [parseBackupId(manifest.id)?.reason === manifest.reason, 'its id names another reason'],
    [new Set(manifest.stores.map((store) => store.name)).size === manifest.stores.length, 'a store is in it twice'],
    [new Set(paths).size === paths.length, 'a part is in it twice'],
    [listsOf(manifest).every(isSorted), 'a list of it is not sorted'],
    [objects.every(({ stored }) => isOrigin(stored.from, manifest)), 'an object comes from no backup before it'],
    [manifest.format >= 5 || !isPackedWithZstd(manifest), 'it is packed with zstd, which its format does not know'],
    [manifest.stores.every((store) => store.parts.length > 0), 'a store has no parts'],
    [manifest.stores.every((store) => store.engine === store.capture.engine), 'a store names two engines'],
    [totals.files === manifest.totals.files && totals.bytes === manifest.totals.bytes, 'its totals do not add up'],
    [
      manifest.seal === undefined || manifest.seal.storedBytes === storedBytesOf(manifest),
      'its stored bytes do not add up',
    ],
    [consistencyWindowMs(manifest.stores) === manifest.consistencyWindowMs, 'its consistency window does not add up'],
    ...contextFaults(manifest),
  ];
  const wrong = facts.find(([holds]) => !holds);
  if (wrong) throw invalid(wrong[1], where);
}

function isPackedWithZstd(manifest: Manifest): boolean {
  const ofObjects = manifest.stores.flatMap(objectsOf).map(({ stored }) => stored);
  return [...partsOf(manifest).map(storedOf), ...ofObjects].some(({ codec }) => codec === 'zstd');
}

/** The lists that are to be sorted, as paths and names. */
function listsOf({ stores, context }: Manifest): string[][] {
  const pathsOf = (parts: readonly { path: string }[]): string[] => parts.map(({ path }) => path);
  const inStores = stores.flatMap((store) => [pathsOf(store.parts), pathsOf(objectsOf(store))]);
  if (context === undefined) return inStores;
  return [...inStores, pathsOf(context.parts), context.environment?.names ?? []];
}

/** By UTF-16 code unit. */
function isSorted(texts: readonly string[]): boolean {
  return texts.every((text, index) => index === 0 || (texts[index - 1] ?? '') < text);
}

function isOrigin(from: string | undefined, { id, service, environment }: Manifest): boolean {
  return from === undefined || (isBackupOf(from, service, environment) && from !== id);
}

function invalid(what: string, where: string): Problem {
  return problem('backup-invalid', `the manifest cannot be trusted: ${what}`, {
    where,
    next: 'Use another backup: shipway backup list shows them.',
  });
}
