import { createHash } from 'node:crypto';
import { problem } from '../../../core/release/problem.ts';

/** The databases that one restore uses. */
export interface DatabaseNames {
  live: string;
  /** The restored copy before it is swapped in. */
  staged: string;
  /** The replaced data after it. */
  kept: string;
}

export const NAME_LIMIT_BYTES = 63; // PostgreSQL cuts longer names silently, so that two could become one
const DIGEST_DIGITS = 10; // of live name and tag together
const LONGEST_WORD = '__replaced_'.length;

/** Names for a tag beside the live database; a tag or a name that is too long is cut to the time in it and a digest. */
export function namesFor(live: string, tag: string): DatabaseNames {
  return namesOfId(live, idFor(live, tag));
}

function idFor(live: string, tag: string): string {
  const isShort = Buffer.byteLength(live) + LONGEST_WORD + Buffer.byteLength(tag) <= NAME_LIMIT_BYTES;
  return isShort && /^[A-Za-z0-9_-]+$/.test(tag) ? tag : digestOf(live, tag);
}

function digestOf(live: string, tag: string): string {
  const time = /\d{8}T\d{6}Z/.exec(tag)?.[0];
  const digest = createHash('sha256').update(`${live}\0${tag}`).digest('hex').slice(0, DIGEST_DIGITS);
  return time === undefined ? digest : `${time}_${digest}`;
}

function namesOfId(live: string, id: string): DatabaseNames {
  return namesAfter(frontFor(live, LONGEST_WORD + id.length), live, id);
}

/** As they were made before a cut front had a digest: two databases whose long names begin alike had the same ones. */
function oldNamesOfId(live: string, id: string): DatabaseNames {
  return namesAfter(cutToBytes(live, NAME_LIMIT_BYTES - LONGEST_WORD - id.length), live, id);
}

function namesAfter(front: string, live: string, id: string): DatabaseNames {
  return { live, staged: `${front}__restore_${id}`, kept: `${front}__replaced_${id}` };
}

const FRONT_DIGITS = 8; // of the whole name: a server has some thousand databases at most

/** The live name where it fits beside what stands behind it; else as much of it as does, and a digest of all of it. */
export function frontFor(live: string, behindBytes: number): string {
  const limit = NAME_LIMIT_BYTES - behindBytes;
  if (Buffer.byteLength(live) <= limit) return live;
  const digest = createHash('sha256').update(live).digest('hex').slice(0, FRONT_DIGITS);
  return `${cutToBytes(live, limit - FRONT_DIGITS - 1)}_${digest}`;
}

/** The database of a proof beside the live one; its own word, so that no swap and no discard ever takes it for theirs. */
export function nameOfProof(live: string, id: string): string {
  return `${frontFor(live, '__proof_'.length + id.length)}__proof_${id}`;
}

/** Whole characters only: half of one is no valid name. */
export function cutToBytes(text: string, limit: number): string {
  let result = '';
  for (const character of text) {
    if (Buffer.byteLength(result + character) > limit) break;
    result += character;
  }
  return result;
}

/** The tag of a database that keeps replaced data of the live one; null for any other. `all` are the databases of the server. */
export function tagOfKept(name: string, live: string, all: readonly string[]): string | null {
  return tagOf(name, { live, word: 'replaced', which: 'kept' }, all);
}

/** The tag of a database that a restore of the live one made and nobody has swapped in; null for any other. */
export function tagOfStaged(name: string, live: string, all: readonly string[]): string | null {
  return tagOf(name, { live, word: 'restore', which: 'staged' }, all);
}

function tagOf(
  name: string,
  { live, word, which }: { live: string; word: 'replaced' | 'restore'; which: 'kept' | 'staged' },
  all: readonly string[],
): string | null {
  const id = new RegExp(`__${word}_([A-Za-z0-9_-]+)$`).exec(name)?.[1];
  if (id === undefined) return null;
  if (namesOfId(live, id)[which] === name) return id;
  if (oldNamesOfId(live, id)[which] !== name) return null;
  // One that was made before names had a digest is ours where no other database there can have made it.
  const isShared = all.some(
    (other) => other !== live && !isOfRestore(other) && oldNamesOfId(other, id)[which] === name,
  );
  return isShared ? null : id;
}

const isOfRestore = (name: string): boolean => /__(?:restore|replaced)_[A-Za-z0-9_-]+$/.test(name);

const TAGS_MAX = 100; // as many as a stage tries

/**
 * Whether a stage for this tag may have made it; a number stands behind the tag where data that it replaced before is still kept. The digest in a
 * name that was cut is also of the live name, so that it tells whose it is in either form.
 */
export function isStagedFor(name: string, live: string, tag: string): boolean {
  for (let count = 1; count <= TAGS_MAX; count += 1) {
    const id = idFor(live, count === 1 ? tag : `${tag}-${count}`);
    if (namesOfId(live, id).staged === name) return true;
    if (oldNamesOfId(live, id).staged === name) return true;
  }
  return false;
}

/** The names again from either of the two a caller keeps; throws `restore-failed` for a database that no restore of the live one made. */
export function namesFrom(name: string, live: string): DatabaseNames {
  const id = /__(?:restore|replaced)_([A-Za-z0-9_-]+)$/.exec(name)?.[1];
  for (const names of id === undefined ? [] : [namesOfId(live, id), oldNamesOfId(live, id)])
    if (name === names.staged || name === names.kept) return names;
  throw problem('restore-failed', `this is not a database of a restore of ${live}`, {
    where: name,
    next: 'Start the restore again from its backup.',
  });
}
