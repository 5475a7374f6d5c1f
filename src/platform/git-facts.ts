import { isProblem } from '../core/release/problem.ts';
import { runCommand, type CommandResult } from './run-command.ts';

const LIMIT_SECONDS = 20; // a status of a large tree on a cold disk

/** Where a folder stands in git. */
export interface GitFacts {
  hash: string;
  /** The first tag of the commit by name, or null. */
  tag: string | null;
  /** Whether tracked files below the folder differ from the commit. */
  changed: boolean;
}

/** What git says of the folder; null when it is in no repository, has no commit yet, or git cannot be asked. Writes nothing. */
export async function gitFacts(folder: string, environment: Record<string, string>): Promise<GitFacts | null> {
  const ask = (...words: string[]): Promise<string | null> => askGit(folder, environment, words);
  const hash = (await ask('rev-parse', '--verify', '--quiet', 'HEAD'))?.trim() ?? '';
  if (!/^[0-9a-f]{40,64}$/.test(hash)) return null;
  const tags = (await ask('tag', '--points-at', 'HEAD')) ?? '';
  const status = await ask('status', '--porcelain', '--untracked-files=no', '--', '.');
  if (status === null) return null;
  return { hash, tag: tags.split('\n').find((line) => line !== '') ?? null, changed: status.trim() !== '' };
}

/** Its output, or null. What a repository may configure to be run while it is only looked at is off. */
async function askGit(folder: string, environment: Record<string, string>, words: string[]): Promise<string | null> {
  try {
    const result: CommandResult = await runCommand({
      argv: ['git', '-c', 'core.fsmonitor=false', ...words],
      cwd: folder,
      environment: { ...environment, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
      timeoutSeconds: LIMIT_SECONDS,
    });
    return result.exitCode === 0 ? result.stdout : null;
  } catch (error) {
    if (isProblem(error) && error.kind === 'command-failed') return null;
    throw error;
  }
}
