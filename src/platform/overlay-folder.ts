import { join } from 'node:path';
import { claimFolder, ownershipOf, removeClaimed } from './claimed-folder.ts';
import { ensureDirectory, listDirectory, writeAtomically } from './files.ts';
import { factsOf, makeDirectory, makeLink, namesIn, realPathOf } from './file-tree.ts';
import { randomId } from './ids.ts';

/** A file that lies over the folder. */
export interface OverlaidFile {
  /** Relative to the folder, `/` between names. */
  path: string;
  bytes: Buffer;
}

interface Layer {
  folders: Map<string, Layer>;
  files: Map<string, Buffer>;
}

// What a program compiled from other files must not be taken for these, nor written back through a link.
const LEFT_OUT = new Set(['__pycache__']);

/**
 * Lets a folder be used that looks like another one with some files put over it: these are real, everything else is a link to where it lies.
 * The other folder is not touched. What a killed use left is deleted by the next one.
 */
export async function withOverlay<Result>(
  folder: string,
  files: readonly OverlaidFile[],
  place: string,
  use: (overlaid: string) => Promise<Result>,
): Promise<Result> {
  await ensureDirectory(place);
  await sweep(place);
  const overlaid = join(place, randomId());
  try {
    await claimFolder(overlaid);
    await lay(folder, overlaid, layerOf(files));
    return await use(overlaid);
  } finally {
    await removeClaimed(overlaid);
  }
}

function layerOf(files: readonly OverlaidFile[]): Layer {
  const top: Layer = { folders: new Map(), files: new Map() };
  for (const { path, bytes } of files) {
    const names = path.split('/');
    const last = names.pop() ?? '';
    let layer = top;
    for (const name of names) {
      const next = layer.folders.get(name) ?? { folders: new Map(), files: new Map() };
      layer.folders.set(name, next);
      layer = next;
    }
    layer.files.set(last, bytes);
  }
  return top;
}

async function lay(from: string, to: string, layer: Layer): Promise<void> {
  await makeDirectory(to);
  const under = await realPathOf(from);
  const names = (await factsOf(under))?.type === 'directory' ? await namesIn(under) : [];
  for (const name of names) {
    if (layer.files.has(name) || layer.folders.has(name) || LEFT_OUT.has(name)) continue;
    await makeLink(join(to, name), join(under, name));
  }
  for (const [name, bytes] of layer.files) await writeAtomically(join(to, name), bytes);
  for (const [name, next] of layer.folders) await lay(join(under, name), join(to, name), next);
}

/** Deletes what dead uses left. */
async function sweep(place: string): Promise<void> {
  const names = new Set(listDirectory(place).map((name) => name.replace(/\.owner$/, '')));
  for (const name of names) {
    if ((await ownershipOf(join(place, name))) === 'nobody') await removeClaimed(join(place, name));
  }
}
