import { basename, extname, relative } from 'node:path';
import type { LoadedReleaseFile } from '../app/app.ts';
import { describeConfigProblem, type ConfigProblem } from '../core/config/config-problem.ts';
import { configFingerprint } from '../core/plan/config-fingerprint.ts';
import { parseReleaseFile, parseReleaseObject, type ReleaseFileResult } from '../core/config/parse-release-file.ts';
import { problem } from '../core/release/problem.ts';
import { readText } from '../platform/files.ts';
import { look } from '../platform/ownership.ts';
import { kinds } from './adapters.ts';
import type { Project } from './find-project.ts';

/** Reads and checks the release file of a project. Throws `config-missing` or `config-invalid` with every problem at once. */
export async function loadReleaseFile(project: Project): Promise<LoadedReleaseFile> {
  const path = project.releaseFile;
  if (path === null) {
    throw problem('config-missing', `there is no release file in ${project.directory}`, {
      where: project.directory,
      next: 'Write one: shipway init',
    });
  }
  if ((await look(path))?.kind === 'folder') {
    throw problem('config-missing', `${path} is a folder, not a release file`, {
      where: path,
      next: 'Name the file in it: --config FILE.',
    });
  }
  const result = await read(path);
  if ('problems' in result) throw invalid(path, result.problems);
  const { config, warnings } = result;
  return { path, config, fingerprint: configFingerprint(config), warnings: warnings.map(describeConfigProblem) };
}

async function read(path: string): Promise<ReleaseFileResult> {
  const name = relative(process.cwd(), path) || basename(path);
  if (!['.ts', '.js'].includes(extname(path))) return parseReleaseFile((await readText(path)) ?? '', name, kinds);
  const { loadModule } = await import('../platform/load-module.ts');
  try {
    return parseReleaseObject(await loadModule(path), name, kinds);
  } catch (error) {
    throw problem(
      'config-invalid',
      `${name} cannot be run: ${error instanceof Error ? error.message : String(error)}`,
      {
        where: path,
        next: 'Mend the file; it must export default defineService({ … }).',
        cause: error,
      },
    );
  }
}

function invalid(path: string, problems: ConfigProblem[]): Error {
  const lines = problems.map(describeConfigProblem);
  return problem('config-invalid', lines.join('\n'), {
    where: path,
    next: `Mend ${lines.length === 1 ? 'it' : `all ${lines.length}`}, then run the command again; nothing was changed.`,
  });
}
