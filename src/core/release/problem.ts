/** What kind of trouble it is. The program decides by this word, never by the text; the command line maps it to an exit code. */
export type ProblemKind =
  | 'usage'
  | 'config-missing'
  | 'config-invalid'
  | 'prompt-needed'
  | 'not-permitted'
  | 'refused'
  | 'stopped'
  | 'not-found'
  | 'variable-missing'
  | 'command-failed'
  | 'command-timed-out'
  | 'unreachable'
  | 'check-failed'
  | 'target-failed'
  | 'router-failed'
  | 'backup-failed'
  | 'backup-invalid'
  | 'restore-failed'
  | 'disk-full'
  | 'migration-failed'
  | 'database-unavailable'
  | 'stale-worker'
  | 'cannot-tell'
  | 'tampering'
  | 'internal';

export interface ProblemDetails {
  /** What the person types or does next; always present, always concrete. */
  next: string;
  /** Where it is: `file:line:column`, a path in the release file, a step, an address. */
  where?: string;
  /** True when trying the same again can succeed without anyone changing anything. Default false. */
  retry?: boolean;
  cause?: unknown;
}

/** An error a person can read and a program can decide on. Create it with `problem()`. */
export class Problem extends Error {
  readonly kind: ProblemKind;
  readonly next: string;
  readonly where: string | null;
  readonly retry: boolean;

  constructor(kind: ProblemKind, message: string, details: ProblemDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'Problem';
    this.kind = kind;
    this.next = details.next;
    this.where = details.where ?? null;
    this.retry = details.retry ?? false;
  }
}

/** Makes the error: what failed, where, what to do next. */
export function problem(kind: ProblemKind, message: string, details: ProblemDetails): Problem {
  return new Problem(kind, message, details);
}

export function isProblem(error: unknown): error is Problem {
  return error instanceof Problem;
}

/** The form in which a problem is stored and printed as JSON. */
export interface ProblemRecord {
  kind: ProblemKind;
  message: string;
  where: string | null;
  next: string;
}

/** Any thrown value as a problem record; an unexpected error becomes kind `internal` and keeps its message. */
export function problemRecord(error: unknown): ProblemRecord {
  if (isProblem(error)) return { kind: error.kind, message: error.message, where: error.where, next: error.next };
  const message = error instanceof Error ? error.message : String(error);
  return {
    kind: 'internal',
    message,
    where: null,
    next: 'Run the command again with --verbose and report what it prints.',
  };
}
