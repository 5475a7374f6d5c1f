import { lineOf } from './scan-source.ts';

/** One function with a body, found by its shape. */
export interface FoundFunction {
  /** Its name, or `function` when it has none nearby. */
  name: string;
  line: number;
  lines: number;
  parameters: number;
}

const CLOSING: Record<string, string> = { '(': ')', '[': ']', '{': '}' };
const CONTROL = new Set([
  'if',
  'for',
  'while',
  'switch',
  'catch',
  'with',
  'return',
  'await',
  'typeof',
  'new',
  'super',
  'import',
]);

/**
 * All functions, methods and arrow functions of a code text (see scan-source.ts) that have a body. It looks at every parameter list
 * and at what follows it: `=>`, or `{` after a place where a function may begin.
 */
export function findFunctions(code: string): FoundFunction[] {
  const found: FoundFunction[] = [];
  for (let open = code.indexOf('('); open !== -1; open = code.indexOf('(', open + 1)) {
    const close = matching(code, open);
    const body = findBody(code, close + 1);
    if (body === null || (body.isArrow && isReturnType(code, open))) continue;
    const start = body.isArrow ? { name: arrowName(code, open), at: open } : declarationStart(code, open);
    if (start === null) continue;
    const from = lineOf(code, start.at);
    const lines = lineOf(code, body.end) - from + 1;
    found.push({ name: start.name, line: from, lines, parameters: countParameters(code.slice(open + 1, close)) });
  }
  return found;
}

/** `(a): (b: string) => void {` — this arrow belongs to the type of what is returned, not to a function. */
function isReturnType(code: string, open: number): boolean {
  return /\)\s*:\s*$/.test(code.slice(Math.max(0, open - 200), open));
}

/** Position of the bracket that closes the one at `open`; the end of the text when there is none. */
function matching(code: string, open: number): number {
  const closing = CLOSING[code[open] ?? ''];
  for (let at = open + 1; at < code.length; at += 1) {
    const char = code[at] ?? '';
    if (char === closing) return at;
    if (char in CLOSING) at = matching(code, at);
  }
  return code.length;
}

/** The body after a parameter list that ends before `from`, past a return type if there is one. */
function findBody(code: string, from: number): { isArrow: boolean; end: number } | null {
  let at = skipBlanks(code, from);
  if (code[at] === ':') at = skipType(code, at + 1);
  if (code.startsWith('=>', at)) return { isArrow: true, end: arrowEnd(code, skipBlanks(code, at + 2)) };
  return code[at] === '{' ? { isArrow: false, end: matching(code, at) } : null;
}

function skipBlanks(code: string, at: number): number {
  while (at < code.length && /\s/.test(code[at] ?? '')) at += 1;
  return at;
}

/** Past a type: to the `=>` or `{` of the body, or to whatever shows that there is none. */
function skipType(code: string, from: number): number {
  for (let at = skipBlanks(code, from); at < code.length; at = skipBlanks(code, at + 1)) {
    const char = code[at] ?? '';
    const before = code.slice(from, at).trim();
    // Right after these a brace opens an object type, everywhere else it opens the body.
    const expectsType = before === '' || /([:|&<,?]|=>|\b(is|extends|keyof|readonly|asserts))$/.test(before);
    if (char === '{' && !expectsType) return at;
    if (char === '=' && code[at + 1] === '>' && !endsWithFunctionTypeList(before)) return at;
    if (char === '=' && code[at + 1] === '>') at += 1;
    else if (char in CLOSING) at = matching(code, at);
    else if (/[;)\]}=]/.test(char)) return at;
  }
  return code.length;
}

/** `(): (a: string) => void {` — a parenthesis that begins the type belongs to a function type. */
function endsWithFunctionTypeList(before: string): boolean {
  return before.startsWith('(') && before.endsWith(')');
}

/** An arrow's body: a block, or an expression up to where it can go no further. */
function arrowEnd(code: string, from: number): number {
  if (code[from] === '{') return matching(code, from);
  for (let at = from; at < code.length; at += 1) {
    const char = code[at] ?? '';
    if (char in CLOSING) at = matching(code, at);
    else if (/[,;)\]}]/.test(char)) return at - 1;
  }
  return code.length;
}

/** Where a `function` or method with its parameter list at `open` begins; null for a call or a control statement. */
function declarationStart(code: string, open: number): { name: string; at: number } | null {
  const before = code.slice(0, open);
  const declared = /\b(?:async\s+)?function\b\s*\*?\s*([\w$]*)\s*(?:<[^()]*>)?\s*$/.exec(before);
  if (declared !== null) return { name: declared[1] || 'function', at: declared.index };
  const method =
    /(^|[{};,]|\b(?:async|get|set|static|public|private|protected|override|readonly)|\*)\s*([\w$#]+)\s*(?:<[^()]*>)?\s*$/.exec(
      before,
    );
  if (method === null || CONTROL.has(method[2] ?? '')) return null;
  return {
    name: method[2] ?? 'function',
    at: method.index + (method[1] ?? '').length + leadingBlanks(method[0], method[1] ?? ''),
  };
}

function leadingBlanks(text: string, prefix: string): number {
  return text.slice(prefix.length).search(/\S/);
}

function arrowName(code: string, open: number): string {
  return (
    /([\w$]+)\s*(?::[^=;]*)?[=:]\s*(?:async\s*)?(?:<[^()]*>)?\s*$/.exec(
      code.slice(Math.max(0, open - 200), open),
    )?.[1] ?? 'function'
  );
}

/** Parameters at the outermost level; a trailing comma and `this` do not count. */
function countParameters(list: string): number {
  const parts: string[] = [''];
  let angles = 0;
  for (let at = 0; at < list.length; at += 1) {
    const char = list[at] ?? '';
    if (char in CLOSING) {
      const end = matching(list, at);
      parts[parts.length - 1] += 'x';
      at = end;
    } else if (char === '<') angles += 1;
    else if (char === '>' && list[at - 1] !== '=') angles -= 1;
    else if (char === ',' && angles <= 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts.filter((part) => part.trim() !== '' && !/^\s*this\b/.test(part)).length;
}
