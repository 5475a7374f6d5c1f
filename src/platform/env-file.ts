import { readFileSync } from 'node:fs';
import { problem } from '../core/release/problem.ts';
import { errorCode } from './error-code.ts';

/** The text of an env file; one that cannot be read is a Problem, since a release file named it. */
export function readEnvFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = errorCode(error);
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw problem(code === 'ENOENT' ? 'config-missing' : 'not-permitted', `the env file ${path} ${why}`, {
      where: path,
      next: `Create ${path} with lines NAME=value that this user can read, or correct env-file in the release file.`,
      cause: error,
    });
  }
}

const ASSIGNMENT = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/;

/**
 * Reads NAME=value lines as docker and dotenv do: # comments, `export`, "double quotes" with \n \t \" \\ \$, 'single quotes' as they are, quoted values
 * over several lines. References to other variables are not replaced. A line that is none of it is a Problem that shows its number, never its text.
 */
export function parseEnvFile(text: string, path: string): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = (lines[at] ?? '').trim();
    if (line === '' || line.startsWith('#')) continue;
    const [, name, rest] = ASSIGNMENT.exec(line) ?? [];
    if (name === undefined || rest === undefined) throw unreadable(path, at, 'is not NAME=value');
    const quote = rest[0];
    if (quote !== '"' && quote !== "'") {
      values[name] = rest.replace(/(^|\s+)#.*$/, '').trimEnd();
      continue;
    }
    const first = at;
    let quoted = rest.slice(1);
    let end = closingQuote(quoted, quote);
    while (end === -1) {
      if (++at >= lines.length) throw unreadable(path, first, 'has a quote that is never closed');
      quoted += `\n${lines[at] ?? ''}`;
      end = closingQuote(quoted, quote);
    }
    if (!/^\s*(#.*)?$/.test(quoted.slice(end + 1))) throw unreadable(path, at, 'has text after the closing quote');
    values[name] = quote === '"' ? unescape(quoted.slice(0, end)) : quoted.slice(0, end);
  }
  return values;
}

function closingQuote(text: string, quote: string): number {
  for (let at = 0; at < text.length; at++) {
    if (quote === '"' && text[at] === '\\') at++;
    else if (text[at] === quote) return at;
  }
  return -1;
}

function unescape(text: string): string {
  const special: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };
  return text.replace(/\\(.)/gs, (whole: string, character: string) => special[character] ?? whole);
}

function unreadable(path: string, at: number, what: string): Error {
  const where = `${path}:${at + 1}`;
  return problem('config-invalid', `${where} ${what}`, {
    where,
    next: 'Write NAME=value or NAME="value with spaces".',
  });
}
