import { posix } from 'node:path';
import { lineOf } from './scan-source.ts';
import type { SourceFile } from './read-tree.ts';

/** One use of another module. */
export interface Import {
  specifier: string;
  line: number;
  /** True when nothing of it is left at run time. */
  isType: boolean;
  /** The imported names of an `import { … }`, as exported there; empty for other forms. */
  names: string[];
  /** Path from the root for a file of the project, null for a package or `node:` module. */
  target: string | null;
  /** `zod` for `zod/v4`, `@scope/name` for its parts, `node:fs` for `node:fs/promises` and `fs`; null for a file. */
  packageName: string | null;
}

/** Everything a file imports: static, re-exported, dynamic with a literal name, and in types. */
export function findImports(file: SourceFile): Import[] {
  return file.strings.flatMap(({ at, value }) => {
    const use = readUse(file.code, at);
    if (use === null) return [];
    const target = value.startsWith('.') ? posix.join(posix.dirname(file.path), value) : null;
    const packageName = target === null ? packageOf(value) : null;
    return [{ specifier: value, line: lineOf(file.text, at), target, packageName, ...use }];
  });
}

/** What stands before the string decides whether it names a module. */
function readUse(code: string, at: number): { isType: boolean; names: string[] } | null {
  const before = code.slice(0, at).trimEnd();
  if (/(^|[^.\w$])(import|require)\s*\($/.test(before)) return { isType: false, names: [] };
  if (/(^|[^.\w$])import$/.test(before)) return { isType: false, names: [] };
  if (!/[\s}*]from$/.test(before)) return null;
  const start = Math.max(before.lastIndexOf('import '), before.lastIndexOf('export '));
  if (start === -1) return null;
  const clause = before.slice(start + 'import '.length, -'from'.length).trim();
  return readClause(clause);
}

function readClause(clause: string): { isType: boolean; names: string[] } {
  const isWhollyType = /^type[\s{*]/.test(clause);
  const braces = /\{([^}]*)\}/.exec(clause)?.[1];
  const entries = (braces ?? '').split(',').flatMap((entry) => (entry.trim() === '' ? [] : [entry.trim()]));
  const isOnlyBraces = /^\{[^}]*\}$/.test(clause);
  const isEveryEntryType = isOnlyBraces && entries.length > 0 && entries.every((entry) => entry.startsWith('type '));
  const names = entries.map((entry) => entry.replace(/^type /, '').split(/\s+as\s+/)[0] ?? entry);
  return { isType: isWhollyType || isEveryEntryType, names };
}

const BUILTIN =
  /^(child_process|cluster|crypto|dgram|dns|events|fs|http|http2|https|net|os|path|process|stream|timers|tls|url|util|vm|worker_threads)(\/|$)/;

function packageOf(specifier: string): string {
  const name = BUILTIN.test(specifier) ? `node:${specifier}` : specifier;
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}
