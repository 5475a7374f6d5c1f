import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import { readLastLines } from '../../../platform/read-tail.ts';
import { readText, sha256OfFile, syncDirectory, syncFile, writeAtomically } from '../../../platform/files.ts';
import { applyFacts, factsOf, namesIn } from '../../../platform/file-tree.ts';
import type { EndMarker } from './settings.ts';

const LIST = 'copy.json';
/** Below the folder of the store: what the backup command wrote. */
export const DATA = 'data';
/** pg_dump writes its marker and then two more lines; a copy that was cut never reaches any of them. */
const MARKER_LINES = 5;

export interface CopiedFile {
  /** Relative to the data, `/` between names. */
  path: string;
  bytes: number;
  sha256: string;
}

/** What is in a tree: files by path, and folders before what is in them. */
interface Tree {
  files: string[];
  folders: string[];
}

async function listTree(root: string, below = ''): Promise<Tree> {
  const tree: Tree = { files: [], folders: [below] };
  for (const name of await namesIn(join(root, below))) {
    const path = below === '' ? name : `${below}/${name}`;
    const type = (await factsOf(join(root, path)))?.type;
    if (type === 'file') tree.files.push(path);
    else if (type === 'directory') {
      const inner = await listTree(root, path);
      tree.files.push(...inner.files);
      tree.folders.push(...inner.folders);
    } else throw strange(path, root);
  }
  return tree;
}

function strange(path: string, root: string): Error {
  return problem('backup-failed', `${path} of the copy is neither file nor folder`, {
    where: root,
    next: 'Let the backup command write files and folders; a link would lead to data that is not in the backup.',
  });
}

/** Brings what a program wrote to the disk, readable by this user alone, and notes every file with its checksum. */
export async function sealFiles(folder: string): Promise<CopiedFile[]> {
  const root = join(folder, DATA);
  const { files, folders } = await listTree(root);
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const copied: CopiedFile[] = [];
  for (const path of files.sort()) {
    const place = join(root, path);
    const mtimeMs = (await factsOf(place))?.mtimeMs ?? 0;
    await applyFacts(place, { type: 'file', mode: 0o600, ...own, mtimeMs });
    await syncFile(place);
    copied.push({ path, ...(await sha256OfFile(place)) });
  }
  for (const path of folders.reverse()) {
    const place = join(root, path);
    await applyFacts(place, { type: 'directory', mode: 0o700, ...own, mtimeMs: (await factsOf(place))?.mtimeMs ?? 0 });
    await syncDirectory(place);
  }
  await writeAtomically(join(folder, LIST), `${JSON.stringify({ format: 1, files: copied })}\n`);
  await syncDirectory(folder);
  return copied;
}

/** Brings everything below a folder to the disk. */
export async function syncTree(root: string): Promise<void> {
  const { files, folders } = await listTree(root);
  for (const path of [...files, ...folders.reverse()]) await syncFile(join(root, path));
}

/** The files of a copy that are exactly those noted; throws `backup-invalid` with the first that is not. */
export async function checkFiles(folder: string): Promise<CopiedFile[]> {
  const noted = await readList(folder);
  const { files } = await listTree(join(folder, DATA));
  const extra = files.find((path) => !noted.some((file) => file.path === path));
  if (extra !== undefined) throw invalid(`${extra} was not captured`, folder);
  for (const file of noted) {
    if (!files.includes(file.path)) throw invalid(`${file.path} is missing`, folder);
    const { bytes, sha256 } = await sha256OfFile(join(folder, DATA, file.path));
    if (bytes !== file.bytes) throw invalid(`${file.path} has ${bytes} bytes, ${file.bytes} were captured`, folder);
    if (sha256 !== file.sha256) throw invalid(`the content of ${file.path} differs from what was captured`, folder);
  }
  return noted;
}

async function readList(folder: string): Promise<CopiedFile[]> {
  const text = (await readText(join(folder, LIST))) ?? '';
  try {
    const { format, files } = JSON.parse(text) as { format: number; files: CopiedFile[] };
    const isWhole = files.every(
      ({ path, bytes, sha256 }) =>
        typeof path === 'string' && Number.isSafeInteger(bytes) && /^[0-9a-f]{64}$/.test(sha256),
    );
    if (format === 1 && isWhole) return files;
  } catch {
    // Answered below, like every other wrong content.
  }
  throw invalid('the list of copied files is damaged', join(folder, LIST));
}

/** Throws `backup-failed` unless the copy shows that it was written to its end. */
export async function requireEnd(folder: string, marker: EndMarker): Promise<void> {
  const lines = await readLastLines(join(folder, DATA, marker.file), MARKER_LINES * 4);
  const last = lines.filter((line) => line.trim() !== '').slice(-MARKER_LINES);
  const isEnd = 'text' in marker ? (line: string) => line.trim() === marker.text : matcherOf(marker.matches);
  if (last.some(isEnd)) return;
  const wanted = 'text' in marker ? `"${marker.text}"` : `/${marker.matches}/`;
  const shown =
    last.length === 0 ? 'the file is empty or missing' : `it ends with "${(last.at(-1) ?? '').slice(0, 200)}"`;
  throw problem('backup-failed', `${marker.file} does not end with ${wanted}: ${shown}`, {
    where: 'command.ends-with',
    next: 'The backup command was cut short although it said it succeeded: look at its parts (set -o pipefail), or correct `ends-with`.',
  });
}

function matcherOf(pattern: string): (line: string) => boolean {
  const expression = new RegExp(pattern, 'u');
  return (line) => expression.test(line);
}

/** One digest over paths and contents. */
export function digestOf(files: readonly CopiedFile[]): string {
  const hash = createHash('sha256');
  for (const { path, bytes, sha256 } of files) hash.update(`${bytes} ${sha256} ${path}\n`);
  return hash.digest('hex');
}

export function invalid(what: string, where: string): Error {
  return problem('backup-invalid', what, { where, next: 'Use another backup: shipway backup list shows them.' });
}
