import { checkRules } from './check-rules.ts';
import { arrangeProblems, type ConfigProblem } from './config-problem.ts';
import { releaseFileSchema } from './file-schema.ts';
import type { KnownIssue } from './forward-issues.ts';
import type { Kinds } from './kinds.ts';
import { readSource, sourceFromValue, type ReadSource } from './read-source.ts';
import { remarksOfIssues } from './remarks-of-issue.ts';
import { serviceConfigOf } from './service-config-of.ts';
import type { ServiceConfig } from './service-config.ts';
import { locate } from './source.ts';

/** Either a usable config or at least one problem. Warnings never stop anything. */
export type ReleaseFileResult = { config: ServiceConfig; warnings: ConfigProblem[] } | { problems: ConfigProblem[] };

/** Reads a release file (YAML or JSON). Every problem at once, each with its place, what was found and what to write. Never throws. */
export function parseReleaseFile(text: string, fileName: string, kinds: Kinds): ReleaseFileResult {
  return judgeSource(readSource(text, fileName), kinds);
}

/** The same for a value that a program built (shipway.config.ts); problems then have a path and no line. */
export function parseReleaseObject(value: unknown, fileName: string, kinds: Kinds): ReleaseFileResult {
  return judgeSource(sourceFromValue(value, fileName), kinds);
}

const schemas = new WeakMap<Kinds, ReturnType<typeof releaseFileSchema>>();

/** Building the schema takes longer than reading a file with it. */
function schemaFor(kinds: Kinds): ReturnType<typeof releaseFileSchema> {
  const schema = schemas.get(kinds) ?? releaseFileSchema(kinds);
  schemas.set(kinds, schema);
  return schema;
}

function judgeSource(read: ReadSource, kinds: Kinds): ReleaseFileResult {
  const { source } = read;
  if (source === null) return { problems: arrangeProblems(read.problems) };
  const schema = schemaFor(kinds);
  const parsed = schema.safeParse(source.root);
  const issues = (parsed.error?.issues ?? []) as KnownIssue[];
  const spoiled = new Set(read.problems.map((one) => one.path));
  const schemaProblems = remarksOfIssues(issues, { source, schema })
    .map((remark) => locate(source, remark))
    // What could not be read is empty for the schema: it would complain a second time.
    .filter((one) => !spoiled.has(one.path));
  const rules = checkRules(source.root);
  const problems = [...read.problems, ...schemaProblems, ...rules.problems.map((remark) => locate(source, remark))];
  if (problems.length > 0 || !parsed.success) return { problems: arrangeProblems(problems) };
  const warnings = [...read.warnings, ...rules.warnings.map((remark) => locate(source, remark))];
  return { config: serviceConfigOf(parsed.data), warnings: arrangeProblems(warnings) };
}
