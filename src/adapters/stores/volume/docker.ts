import { resolve } from 'node:path';
import { problem, type Problem, type ProblemKind } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { runCommand, type CommandRequest, type CommandResult } from '../../../platform/run-command.ts';
import type { VolumeSettings } from './settings.ts';

const OUTPUT_LIMIT_BYTES = 8 * 1024 * 1024; // what docker tells about a thousand containers

/** One volume, who acts on it and within which limits. */
export interface VolumeStore {
  settings: VolumeSettings;
  projectDirectory: string;
}

export type DockerWords = readonly string[];
type Streams = Pick<CommandRequest, 'inputFile' | 'outputFile' | 'onOutput'>;

/** Runs docker to its end; any exit code is a result. */
export async function tryDocker(
  store: VolumeStore,
  words: DockerWords,
  effect: Effect,
  streams: Streams = {},
): Promise<CommandResult> {
  const { settings } = store;
  const env = Object.fromEntries(Object.entries(settings.env).map(([name, text]) => [name, effect.resolve(text)]));
  return runCommand({
    argv: ['docker', ...words],
    cwd: resolve(store.projectDirectory, settings.directory),
    environment: effect.environment(env),
    timeoutSeconds: settings.timeoutSeconds,
    signal: effect.signal,
    token: effect.token,
    outputLimitBytes: OUTPUT_LIMIT_BYTES,
    ...streams,
  });
}

export interface DockerCall {
  words: DockerWords;
  /** What cannot be done, as the beginning of a sentence. */
  failing: string;
  kind: Extract<ProblemKind, 'backup-failed' | 'backup-invalid' | 'restore-failed' | 'check-failed'>;
  streams?: Streams;
}

/** The same, and throws when docker says no. */
export async function docker(store: VolumeStore, call: DockerCall, effect: Effect): Promise<string> {
  const result = await tryDocker(store, call.words, effect, call.streams);
  if (result.aborted) effect.signal.throwIfAborted();
  if (result.exitCode === 0 && !result.timedOut) return result.stdout;
  throw dockerProblem(store, call, result);
}

/** What docker said no to, in words. */
export function dockerProblem({ settings }: VolumeStore, call: DockerCall, result: CommandResult): Problem {
  const said = result.stderr.trim().split('\n').slice(-3).join('; ') || `exit code ${result.exitCode}`;
  const where = `docker volume ${settings.name}`;
  if (result.timedOut) {
    const text = `${call.failing}: docker ${call.words[0]} did not end within ${settings.timeoutSeconds} s`;
    return problem(call.kind, text, { where, next: 'Look at the docker daemon, or raise "timeout".', retry: true });
  }
  if (/no space left on device/i.test(said)) {
    return problem('disk-full', `${call.failing}: the disk of the docker daemon is full`, {
      where,
      next: 'Make room there: docker system df shows what takes it.',
    });
  }
  return problem(call.kind, `${call.failing}: ${said}`, { where, next: nextOf(said), retry: isDown(said) });
}

const isDown = (said: string): boolean =>
  /cannot connect to the docker daemon|is the docker daemon running/i.test(said);

function nextOf(said: string): string {
  if (isDown(said)) return 'Start the docker daemon, or name another one by DOCKER_HOST in "env".';
  if (/permission denied/i.test(said)) return 'Let this user talk to the docker daemon (group docker).';
  if (/executable file not found|no such file or directory.*unknown|OCI runtime/i.test(said))
    return 'Name in "image" a local image that has sh, mv and rmdir, such as busybox.';
  if (/no such image|unable to find image/i.test(said)) return 'Name in "image" an image that "docker image ls" shows.';
  return 'Look at the docker daemon and try again.';
}
