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
const LONGEST_WORD = '__replaced_'.length;

/** Names for a tag beside the live database; a tag or a name that is too long is cut to the time in it and a digest. */
export function namesFor(live: string, tag: string): DatabaseNames {
  const isShort = Buffer.byteLength(live) + LONGEST_WORD + Buffer.byteLength(tag) <= NAME_LIMIT_BYTES;
  return namesOfId(live, isShort && /^[A-Za-z0-9_-]+$/.test(tag) ? tag : digestOf(live, tag));
}

function digestOf(live: string, tag: string): string {
  const time = /\d{8}T\d{6}Z/.exec(tag)?.[0];
  const digest = createHash('sha256').update(`${live}\0${tag}`).digest('hex').slice(0, 10);
  return time === undefined ? digest : `${time}_${digest}`;
}

function namesOfId(live: string, id: string): DatabaseNames {
  const front = cutToBytes(live, NAME_LIMIT_BYTES - LONGEST_WORD - id.length);
  return { live, staged: `${front}__restore_${id}`, kept: `${front}__replaced_${id}` };
}

/** The database of a proof beside the live one; its own word, so that no swap and no discard ever takes it for theirs. */
export function nameOfProof(live: string, id: string): string {
  return `${cutToBytes(live, NAME_LIMIT_BYTES - '__proof_'.length - id.length)}__proof_${id}`;
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

/** The tag of a database that keeps replaced data of the live one; null for any other. */
export function tagOfKept(name: string, live: string): string | null {
  const id = /__replaced_([A-Za-z0-9_-]+)$/.exec(name)?.[1];
  return id !== undefined && namesOfId(live, id).kept === name ? id : null;
}

/** The tag of a database that a restore of the live one made and nobody has swapped in; null for any other. */
export function tagOfStaged(name: string, live: string): string | null {
  const id = /__restore_([A-Za-z0-9_-]+)$/.exec(name)?.[1];
  return id !== undefined && namesOfId(live, id).staged === name ? id : null;
}

const TAGS_MAX = 100; // as many as a stage tries

/** Whether a stage for this tag, or for what is left of it in the name, may have made it; a number stands behind the tag where data that it replaced before is still kept. */
export function isStagedFor(name: string, live: string, tag: string): boolean {
  if (tagOfStaged(name, live) === tag) return true;
  for (let count = 1; count <= TAGS_MAX; count += 1) {
    if (namesFor(live, count === 1 ? tag : `${tag}-${count}`).staged === name) return true;
  }
  return false;
}

/** The names again from either of the two a caller keeps; throws `restore-failed` for a database that no restore of the live one made. */
export function namesFrom(name: string, live: string): DatabaseNames {
  const id = /__(?:restore|replaced)_([A-Za-z0-9_-]+)$/.exec(name)?.[1];
  const names = id === undefined ? null : namesOfId(live, id);
  if (names !== null && (name === names.staged || name === names.kept)) return names;
  throw problem('restore-failed', `this is not a database of a restore of ${live}`, {
    where: name,
    next: 'Start the restore again from its backup.',
  });
}
