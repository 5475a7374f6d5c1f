import { basename, dirname } from 'node:path';
import { findFunctions } from './find-functions.ts';
import type { FoundFunction } from './find-functions.ts';
import type { Finding } from './finding.ts';
import { lineOf } from './scan-source.ts';
import type { SourceFile, Tree } from './read-tree.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 50;
const PARAMETERS_MAX = 4;

function matches(file: SourceFile, text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => `${file.path}:${lineOf(file.text, match.index)}`);
}

/** A file fits on a few screens. */
export function checkFileLengths(tree: Tree): Finding[] {
  return tree.sources.flatMap((file) => {
    const lines = file.text.trimEnd().split('\n').length;
    const text = `has ${lines} lines, at most ${FILE_LINES_MAX} are allowed; move one of its ideas into a file of its own`;
    return lines > FILE_LINES_MAX ? [{ where: file.path, text }] : [];
  });
}

function eachFunction(tree: Tree, look: (found: FoundFunction, file: SourceFile) => string | null): Finding[] {
  return tree.sources.flatMap((file) =>
    findFunctions(file.code).flatMap((found) => {
      const text = look(found, file);
      return text === null ? [] : [{ where: `${file.path}:${found.line}`, text }];
    }),
  );
}

/** A function fits on one screen. The blocks of a test file are its table of contents and may be longer. */
export function checkFunctionLengths(tree: Tree): Finding[] {
  return eachFunction(tree, ({ name, lines }, file) => {
    if (file.isTest || lines <= FUNCTION_LINES_MAX) return null;
    return `${name} has ${lines} lines, at most ${FUNCTION_LINES_MAX} are allowed; the caller branches, the parts compute: name the parts`;
  });
}

/** Five values in a row get mixed up. The columns of a test table are told apart by the table. */
export function checkParameterCounts(tree: Tree): Finding[] {
  return eachFunction(tree, ({ name, parameters }, file) => {
    if (file.isTest || parameters <= PARAMETERS_MAX) return null;
    return `${name} takes ${parameters} arguments, at most ${PARAMETERS_MAX} are allowed; take one object with names`;
  });
}

/** `any` switches the compiler off, and so do comments that silence it. */
export function checkAny(tree: Tree): Finding[] {
  const typed = tree.sources.filter((file) => /\.m?ts$/.test(file.path));
  return typed.flatMap((file) => [
    ...matches(file, file.code, /(?<![\w$.])any\b(?!\s*[(:?])|\bz\s*\.\s*any\s*\(/g).map((where) => ({
      where,
      text: 'uses `any`; write the type, or `unknown` and find out what it is',
    })),
    ...matches(file, file.comments, /@ts-(ignore|nocheck|expect-error)\b/g).map((where) => ({
      where,
      text: 'silences the compiler; repair the type instead',
    })),
  ]);
}

export function checkDefaultExports(tree: Tree): Finding[] {
  return tree.sources
    .filter((file) => file.path.startsWith('src/'))
    .flatMap((file) => matches(file, file.code, /\bexport\s+default\b|\bas\s+default\b/g))
    .map((where) => ({
      where,
      text: 'exports a default; export it by its name, so that it has the same one everywhere',
    }));
}

const EMPTY_NAMES = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'misc', 'manager']);

/** A file is named after the one thing it holds. */
export function checkNames(tree: Tree): Finding[] {
  return tree.sources.flatMap((file) => {
    const words = file.path.split('/').flatMap((part) => part.split(/[-.]/));
    const word = words.find((part) => EMPTY_NAMES.has(part.toLowerCase()));
    const named =
      word === undefined
        ? []
        : [{ where: file.path, text: `"${word}" says nothing; name the file after the one thing it holds` }];
    const isKebab = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(basename(file.path));
    return isKebab
      ? named
      : [...named, { where: file.path, text: 'is not in kebab-case; write it like read-release-file.ts' }];
  });
}

const STEPS = 'src/engine/steps';

/**
 * The kind of a step is the name of its file, so that a plan leads to the code. Files named `step` or `step-…` hold the contract,
 * index.ts the list; a step itself begins with a verb.
 */
export function checkStepKinds(tree: Tree): Finding[] {
  const steps = tree.sources.filter(
    (file) => dirname(file.path) === STEPS && !file.isTest && !/^(index|step|step-.*)\.ts$/.test(basename(file.path)),
  );
  return steps.flatMap((file) => {
    const name = basename(file.path, '.ts');
    const kinds = file.strings
      .filter(({ at }) => /(?<![\w$])kind\s*:\s*$/.test(file.code.slice(0, at)))
      .map(({ value }) => value);
    if (kinds.includes(name)) return [];
    const text = `exports no step with kind: '${name}'; the kind of a step is the name of its file (code that is no step belongs elsewhere)`;
    return [{ where: file.path, text }];
  });
}
