import type { ProblemKind } from '../core/release/problem.ts';
import type { ReleaseView } from '../app/release-view.ts';

/** Every exit code there is, for `--help`, the manual and whoever writes a script. Nothing else is ever returned. */
export const EXIT_CODES = [
  { code: 0, name: 'done', meaning: 'done' },
  { code: 1, name: 'failed', meaning: 'failed in a way that no other code names' },
  { code: 2, name: 'usage', meaning: 'wrong usage, or the release file or a variable is missing or wrong' },
  { code: 3, name: 'prompt', meaning: 'a question would have to be answered, or was answered with no' },
  { code: 4, name: 'not-permitted', meaning: 'not signed in, or not permitted' },
  { code: 10, name: 'waiting', meaning: 'waits for a person (only with --detach)' },
  { code: 20, name: 'rolled-back', meaning: 'the release failed and was rolled back; the version before serves' },
  { code: 21, name: 'rollback-failed', meaning: 'the rollback failed; a person is needed now' },
  { code: 22, name: 'stopped', meaning: 'stopped before anything was changed' },
  { code: 30, name: 'refused', meaning: 'refused: lock, freeze, window, policy or quarantine' },
  { code: 40, name: 'tampering', meaning: 'the verification found tampering' },
  { code: 130, name: 'detached', meaning: 'detached by Ctrl-C; the release goes on' },
] as const;

export type ExitCode = (typeof EXIT_CODES)[number]['code'];
export type ExitName = (typeof EXIT_CODES)[number]['name'];

/** The code by its name. */
export function exitCode(name: ExitName): ExitCode {
  const found = EXIT_CODES.find((entry) => entry.name === name);
  if (found === undefined) throw new Error(`no exit code ${name}`);
  return found.code;
}

const CODE_OF_KIND: Partial<Record<ProblemKind, ExitName>> = {
  usage: 'usage',
  'config-missing': 'usage',
  'config-invalid': 'usage',
  'variable-missing': 'usage',
  'prompt-needed': 'prompt',
  'not-permitted': 'not-permitted',
  refused: 'refused',
  stopped: 'stopped',
  tampering: 'tampering',
};

/** The code for a problem that ended a command. */
export function exitCodeOf(kind: ProblemKind): ExitCode {
  return exitCode(CODE_OF_KIND[kind] ?? 'failed');
}

/** The code for a release that is over or needs a person. A rollback that a person asked for and that succeeded is a success. */
export function exitCodeOfRelease(release: Pick<ReleaseView, 'kind' | 'state' | 'cause' | 'isGoingBack'>): ExitCode {
  switch (release.state) {
    case 'stable':
      return exitCode('done');
    case 'rolled-back':
      return exitCode(release.kind === 'rollback' ? 'done' : 'rolled-back');
    case 'needs-human':
      return exitCode(release.isGoingBack ? 'rollback-failed' : 'failed');
    case 'cancelled':
      return exitCode(release.cause?.kind === 'refused' ? 'refused' : 'stopped');
    case 'planned':
    case 'waiting':
    case 'running':
    case 'watching':
    case 'rolling-back':
      return exitCode('detached');
  }
}

/** The table as lines for `--help`. */
export function exitCodeLines(): string[] {
  return EXIT_CODES.map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`);
}

/** The reference page, generated into docs/reference/exit-codes.md. */
export function exitCodeReference(): string {
  const rows = EXIT_CODES.map(({ code, name, meaning }) => `| ${code} | ${name} | ${meaning} |`);
  return [
    '# Exit codes',
    '',
    'Generated from `src/cli/exit-codes.ts`. Every command ends with one of these and nothing else.',
    '',
    '| code | name | meaning |',
    '| ---: | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
