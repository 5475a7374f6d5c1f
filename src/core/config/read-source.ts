import { LineCounter, Lexer, Parser, isScalar, parseDocument, type Document } from 'yaml';
import type { Json } from '../release/json.ts';
import type { ConfigProblem } from './config-problem.ts';
import { plainFromYaml } from './plain-from-yaml.ts';
import { locate, type Remark, type Source } from './source.ts';
import { explainYamlError } from './yaml-complaints.ts';

/** The longest real release file seen is 12 KiB; beyond this something else was given by mistake. */
const LENGTH_MAX = 262_144;
/** A release file nests 12 deep. The parser recurses, and aborts the whole process at some ten thousand. */
const DEPTH_MAX = 64;
/** Follow-up errors of a broken structure tell nothing new. */
const SYNTAX_PROBLEMS_MAX = 10;

export interface ReadSource {
  /** Null when the structure is so broken that nothing else can be judged. */
  source: Source | null;
  problems: ConfigProblem[];
  warnings: ConfigProblem[];
}

/** Reads YAML or JSON text (JSON is YAML too) into plain values with the place of each. Never throws. */
export function readSource(text: string, file: string): ReadSource {
  const whole = (remark: Omit<Remark, 'path'>): ReadSource => ({
    source: null,
    problems: [
      { file, line: 1, column: 1, path: '', message: remark.message, value: remark.found ?? null, fix: remark.fix },
    ],
    warnings: [],
  });
  if (text.length > LENGTH_MAX) {
    return whole({
      message: `the file is longer than ${LENGTH_MAX / 1024} KiB`,
      found: `${Math.round(text.length / 1024)} KiB`,
      fix: 'A release file has some hundred lines; check the path.',
    });
  }
  if (nestsTooDeep(text)) {
    return whole({
      message: `the file nests deeper than ${DEPTH_MAX} levels`,
      fix: 'Check for brackets that are opened and never closed.',
    });
  }
  const lines = new LineCounter();
  // Duplicate keys are found below: the parser's own search takes quadratic time.
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
  });
  const broken = [...syntaxProblems(document, lines, { file, text })];
  if (broken.length > 0) return { source: null, problems: broken, warnings: [] };
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    return whole({ message: 'the file is empty', fix: 'Write `shipway init` to get a first one.' });
  }
  const read = plainFromYaml(document, text, lines);
  const source = { file, root: read.root, nodes: read.nodes };
  return {
    source: read.complete ? source : null,
    problems: read.problems.map((remark) => locate(source, remark)),
    warnings: read.warnings.map((remark) => locate(source, remark)),
  };
}

function nestsTooDeep(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    // Each level of a map or list takes up to two places of the stack.
    for (const token of parser.next(lexeme)) void token;
    if (parser.stack.length > DEPTH_MAX * 2) return true;
  }
  return false;
}

function* syntaxProblems(
  document: Document,
  lines: LineCounter,
  { file, text }: { file: string; text: string },
): Generator<ConfigProblem> {
  const version = document.directives?.yaml;
  if (version?.explicit === true && version.version !== '1.2') {
    yield {
      file,
      line: 1,
      column: 1,
      path: '',
      message: 'the file says that it is YAML of an older version, in which yes, no and on are not texts',
      value: `%YAML ${version.version}`,
      fix: 'Remove the %YAML line; release files are YAML 1.2.',
    };
  }
  for (const error of [...document.errors, ...document.warnings].slice(0, SYNTAX_PROBLEMS_MAX)) {
    const place = lines.linePos(error.pos[0]);
    yield {
      file,
      line: Math.max(1, place.line),
      column: Math.max(1, place.col),
      path: '',
      value: null,
      ...explainYamlError(error, lineBefore(text, error.pos[0])),
    };
  }
}

function lineBefore(text: string, offset: number): string {
  return text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
}

/** Takes a value that a program built (shipway.config.ts). Places are then the paths alone. Never throws. */
export function sourceFromValue(value: unknown, file: string): ReadSource {
  const problems: Remark[] = [];
  const root = plainValue(value, { path: [], above: [], problems });
  const source: Source = { file, root, nodes: new Map() };
  return { source, problems: problems.map((remark) => locate(source, remark)), warnings: [] };
}

interface Position {
  path: (string | number)[];
  above: object[];
  problems: Remark[];
}

function plainValue(value: unknown, at: Position): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'object') return refuse(at, `is a ${typeof value}, which cannot be written down`);
  if (at.above.includes(value)) return refuse(at, 'contains itself');
  if (at.above.length >= DEPTH_MAX) return refuse(at, `nests deeper than ${DEPTH_MAX} levels`);
  const below = (key: string | number, child: unknown): Json =>
    plainValue(child, { path: [...at.path, key], above: [...at.above, value], problems: at.problems });
  if (Array.isArray(value)) return value.map((child, index) => below(index, child));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype)
    return refuse(at, 'is neither plain text, number, list nor map');
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== undefined)
      .map(([key, child]) => [key, below(key, child)]),
  );
}

function refuse(at: Position, message: string): null {
  at.problems.push({
    path: at.path,
    message,
    fix: 'Use plain texts, numbers, true, false, lists and maps.',
    found: null,
  });
  return null;
}
