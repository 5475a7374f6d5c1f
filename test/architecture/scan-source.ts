/** A source text without what is not code. */
export interface ScannedSource {
  text: string;
  /** Same length and lines as the text; comments and the insides of strings, templates and patterns are blanks. */
  code: string;
  /** Comments only, everything else blank. */
  comments: string;
  /** The string literals, in order, with the position of their first quote. */
  strings: { at: number; value: string }[];
}

interface Scan {
  text: string;
  code: string[];
  comments: string[];
  strings: { at: number; value: string }[];
}

/** Separates code from comments, strings, templates and regular expressions. It knows just enough TypeScript to count and to match. */
export function scanSource(text: string): ScannedSource {
  const scan: Scan = { text, code: blank(text), comments: blank(text), strings: [] };
  scanCode(scan, 0, false);
  return { text, code: scan.code.join(''), comments: scan.comments.join(''), strings: scan.strings };
}

/** One entry for each UTF-16 unit, as positions are counted. */
function blank(text: string): string[] {
  return text.split('').map((unit) => (unit === '\n' ? unit : ' '));
}

/** Reads code from `at`; inside a template it ends at the brace that closes the expression. Returns the position after it. */
function scanCode(scan: Scan, at: number, isInTemplate: boolean): number {
  let depth = 0;
  while (at < scan.text.length) {
    const char = scan.text[at] ?? '';
    const pair = scan.text.slice(at, at + 2);
    if (pair === '//') at = keepComment(scan, at, lineEnd(scan.text, at));
    else if (pair === '/*') at = keepComment(scan, at, endOf(scan.text, '*/', at + 2));
    else if (char === "'" || char === '"') at = scanString(scan, at, char);
    else if (char === '`') at = scanTemplate(scan, at);
    else if (char === '/' && mayStartPattern(scan.code, at)) at = scanPattern(scan, at);
    else {
      if (char === '{') depth += 1;
      if (char === '}') depth -= 1;
      scan.code[at] = char;
      at += 1;
      if (isInTemplate && depth < 0) return at;
    }
  }
  return at;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end === -1 ? text.length : end;
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from);
  return found === -1 ? text.length : found + mark.length;
}

function keepComment(scan: Scan, from: number, to: number): number {
  for (let at = from; at < to; at += 1) scan.comments[at] = scan.text[at] ?? ' ';
  return to;
}

function scanString(scan: Scan, from: number, quote: string): number {
  let at = from + 1;
  while (at < scan.text.length && scan.text[at] !== quote && scan.text[at] !== '\n')
    at += scan.text[at] === '\\' ? 2 : 1;
  scan.code[from] = quote;
  if (at < scan.text.length) scan.code[at] = scan.text[at] ?? ' ';
  scan.strings.push({ at: from, value: scan.text.slice(from + 1, at) });
  return at + 1;
}

function scanTemplate(scan: Scan, from: number): number {
  scan.code[from] = '`';
  let at = from + 1;
  while (at < scan.text.length && scan.text[at] !== '`') {
    if (scan.text[at] === '\\') at += 2;
    else if (scan.text.startsWith('${', at)) {
      scan.code[at] = '$';
      scan.code[at + 1] = '{';
      at = scanCode(scan, at + 2, true);
    } else at += 1;
  }
  if (at < scan.text.length) scan.code[at] = '`';
  return at + 1;
}

const WORDS_BEFORE_PATTERN = /\b(return|typeof|case|in|of|throw|await|yield|else|do)$/;

/** A slash divides after a value and starts a pattern after anything else. */
function mayStartPattern(code: string[], at: number): boolean {
  const before = code
    .slice(Math.max(0, at - 200), at)
    .join('')
    .trimEnd();
  if (before === '') return true;
  if (/[\w$)\]'"`]$/.test(before)) return WORDS_BEFORE_PATTERN.test(before);
  return true;
}

function scanPattern(scan: Scan, from: number): number {
  scan.code[from] = '/';
  let isInClass = false;
  let at = from + 1;
  while (at < scan.text.length && scan.text[at] !== '\n') {
    const char = scan.text[at];
    if (char === '\\') at += 1;
    else if (char === '[') isInClass = true;
    else if (char === ']') isInClass = false;
    else if (char === '/' && !isInClass) break;
    at += 1;
  }
  scan.code[at] = '/';
  return at + 1;
}

/** Line number of a position, from 1. */
export function lineOf(text: string, at: number): number {
  let line = 1;
  for (let index = text.indexOf('\n'); index !== -1 && index < at; index = text.indexOf('\n', index + 1)) line += 1;
  return line;
}
