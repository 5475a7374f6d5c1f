import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Effect } from '../../../../platform/effect.ts';
import { readText, removeTree, writeAtomically } from '../../../../platform/files.ts';
import { factsOf, makeDirectory } from '../../../../platform/file-tree.ts';
import { gap } from '../../../../platform/gap.ts';
import { giveTo, letPass, mayEnter, type UserIds } from '../../../../platform/ownership.ts';
import { requireRoom } from '../../require-room.ts';
import { withScratchPlace, type ScratchPlace } from '../../scratch/scratch-place.ts';

// In the scratch place: what lies outside of it and goes with it, one path a line.
const NOTE = 'elsewhere';
const OURS = /^shipway-postgres-|\.proof-[a-z2-7]+$/;

/** Where a copy is started to be proven. */
export interface CopyScratch {
  /** An empty folder of the server's user. */
  directory: string;
  /** What has to be free on its disk. */
  roomBytes: number;
  noteFolder: (path: string) => Promise<void>;
}

export interface ScratchOrder {
  /** Where scratch places are made, absolute. */
  scratch: string;
  user: UserIds | null;
  /** The live data directory; where the user of the server may not enter our scratch folder, the copy lies beside it. */
  directory: string | null;
  /** What the copy takes. */
  bytes: number;
}

/** Runs when what killed processes left is cleared, their servers too. `noteFolder` is told of what has to go afterwards. */
export async function withScratchNotes<Result>(
  scratch: string,
  effect: Effect,
  use: (place: ScratchPlace & Pick<CopyScratch, 'noteFolder'>, effect: Effect) => Promise<Result>,
): Promise<Result> {
  const root = { folder: join(scratch, 'postgres-physical'), clear: removeElsewhere };
  return withScratchPlace(root, effect, (place, inner) =>
    use({ ...place, noteFolder: (path) => note(place, path) }, inner),
  );
}

/** Runs with a place for a started copy, and clears it afterwards. */
export async function withScratchCopy<Result>(
  order: ScratchOrder,
  effect: Effect,
  use: (scratch: CopyScratch, effect: Effect) => Promise<Result>,
): Promise<Result> {
  return withScratchNotes(order.scratch, effect, async (place, inner) => {
    const { noteFolder } = place;
    const directory = await folderFor(place, order);
    // A full disk would end the live server; so that much stays free for it as the copy takes.
    const isBesideLive = order.directory !== null && dirname(directory) === dirname(order.directory);
    const roomBytes = isBesideLive ? 2 * order.bytes : order.bytes;
    requireRoom(dirname(directory), roomBytes, 'the server that is started to be read');
    if (directory !== join(place.folder, 'data')) {
      effect.report(`the user of the server may not enter ${order.scratch}: the copy is started in ${directory}`);
      await noteFolder(directory);
    }
    await gap('stores.postgres.scratch-noted');
    await makeDirectory(directory);
    if (order.user !== null) await giveTo(directory, order.user);
    return use({ directory, roomBytes, noteFolder }, inner);
  });
}

async function folderFor(place: ScratchPlace, { user, directory }: ScratchOrder): Promise<string> {
  const inside = join(place.folder, 'data');
  if (user === null) return inside;
  const root = dirname(place.folder);
  if (await mayEnter(dirname(root), user)) {
    for (const ours of [root, place.folder]) await letPass(ours);
    return inside;
  }
  const parent = directory === null ? null : await factsOf(dirname(directory));
  if (parent?.type === 'directory') return `${directory}.proof-${place.id}`;
  return join(tmpdir(), `shipway-postgres-${place.id}`);
}

async function note({ folder }: ScratchPlace, path: string): Promise<void> {
  const noted = (await readText(join(folder, NOTE))) ?? '';
  await writeAtomically(join(folder, NOTE), `${noted}${path}\n`);
}

/** Of a proof that was killed; the server itself was found by its token and ended. */
async function removeElsewhere({ folder }: ScratchPlace): Promise<void> {
  const noted = ((await readText(join(folder, NOTE))) ?? '').split('\n').filter((line) => line !== '');
  for (const path of noted) if (OURS.test(basename(path))) await removeTree(path);
}
