import { join } from 'node:path';
import { isProblem, problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { sha256OfFile } from '../../../platform/files.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import type { Maintenance, MaintenanceReport, MaintenanceRequest } from '../maintenance.ts';
import { walkTree } from './walk-tree.ts';

const FINDINGS_MAX = 20; // more of them are one trouble: a disk, or an owner

interface Tree {
  paths: string[];
  isExcluded: (path: string) => boolean;
  projectDirectory: string;
}

/** `check` reads every byte: a file that cannot be read is missing from the next backup, or stops it. */
export function filesMaintenance(tree: Tree): Maintenance {
  return { acts: ['count', 'check'], run: (request, effect) => run(tree, request, effect) };
}

async function run(tree: Tree, { act }: MaintenanceRequest, effect: Effect): Promise<MaintenanceReport> {
  const figures = { bytes: 0, directories: 0, files: 0, links: 0 };
  const findings: string[] = [];
  const note = (finding: string): void => void (findings.length < FINDINGS_MAX && findings.push(finding));
  for (const root of tree.paths) {
    const place = join(tree.projectDirectory, root);
    if ((await factsOf(place)) === null) {
      throw problem('check-failed', `there is no ${root}`, { where: place, next: 'Correct the paths of the store.' });
    }
    for await (const { path, facts, target } of walkTree(root, { ...tree, effect })) {
      if (facts.type === 'directory') figures.directories += 1;
      else if (target !== null) figures.links += 1;
      else {
        figures.files += 1;
        figures.bytes += facts.bytes;
        if (act === 'check') await read(join(tree.projectDirectory, path), path, note);
      }
    }
  }
  return { findings, figures };
}

async function read(place: string, path: string, note: (finding: string) => void): Promise<void> {
  try {
    await sha256OfFile(place);
  } catch (error) {
    if ((await factsOf(place)) === null) return; // deleted since it was listed
    const why = isProblem(error) || error instanceof Error ? error.message : String(error);
    note(`${path} cannot be read: ${why}`);
  }
}
