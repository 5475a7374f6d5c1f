/** Keys and list positions from the top of the release file. */
export type ConfigPath = readonly (string | number)[];

/** One thing that is wrong or doubtful in a release file. */
export interface ConfigProblem {
  file: string;
  /** From 1; null when the file was built by a program, then only the path is known. */
  line: number | null;
  /** From 1. */
  column: number | null;
  /** `environments.production.watch.for`, or empty for the file as a whole. */
  path: string;
  message: string;
  /** What was found, shortened and with secrets masked; null where there is nothing to show. */
  value: string | null;
  /** What to write, as a sentence. */
  fix: string;
}

/** More would scroll the first ones off the screen, and they are usually the cause of the rest. */
const PROBLEMS_MAX = 100;

const KEY_SHOWN_MAX = 100; // a name of a check has 80 at most

/** `['verify', 0, 'Health']` → `verify[0].Health`. */
export function formatPath(path: ConfigPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const key = part.length > KEY_SHOWN_MAX ? `${part.slice(0, KEY_SHOWN_MAX - 1)}…` : part;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** One line for a person: `shipway.yaml:7:9 drain: is a number without a unit (found 30). Write the unit: 30s, 30m or 30h.` */
export function describeConfigProblem(problem: ConfigProblem): string {
  const place = problem.line === null ? problem.file : `${problem.file}:${problem.line}:${problem.column ?? 1}`;
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const found = problem.value === null ? '' : ` (found ${problem.value})`;
  return `${place} ${path}${problem.message}${found}. ${problem.fix}`;
}

/** Whether a described problem may concern the environment: everything does that is not said to stand under the name of another one. */
export function mayConcern(described: string, environment: string): boolean {
  const name = /^(?:.*?:\d+:\d+|\S+) environments\.([a-z][a-z0-9-]*)[.:]/.exec(described)?.[1];
  return name === undefined || name === environment;
}

/** In the order of the file, each once, at most a hundred. */
export function arrangeProblems(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const seen = new Set<string>();
  const each = problems.filter((one) => {
    const id = `${one.line}:${one.column}:${one.path}:${one.message}`;
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
  const arranged = each.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  const last = arranged[PROBLEMS_MAX - 1];
  if (arranged.length <= PROBLEMS_MAX || last === undefined) return arranged;
  const left = arranged.length - (PROBLEMS_MAX - 1);
  const more = {
    ...last,
    path: '',
    message: `${left} more problems follow`,
    value: null,
    fix: 'Correct those above first.',
  };
  return [...arranged.slice(0, PROBLEMS_MAX - 1), more];
}
