import { DOORS, FOLDER_TABLE, PURE_PACKAGES } from './folder-table.ts';
import type { FolderRow } from './folder-table.ts';
import { findImports } from './find-imports.ts';
import type { Import } from './find-imports.ts';
import type { Finding } from './finding.ts';
import { lineOf } from './scan-source.ts';
import type { SourceFile, Tree } from './read-tree.ts';

/** Whether the path is the folder (or file) or lies below it. */
function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function rowOf(path: string): FolderRow | undefined {
  return FOLDER_TABLE.filter((row) => isIn(path, row.folder)).sort((a, b) => b.folder.length - a.folder.length)[0];
}

/** The program itself: src and ui without tests and suites. */
function programFiles(tree: Tree): SourceFile[] {
  return tree.sources.filter((file) => /^(src|ui)\//.test(file.path) && !file.isTest);
}

function eachImport(tree: Tree, look: (file: SourceFile, use: Import) => string | null): Finding[] {
  return programFiles(tree).flatMap((file) =>
    findImports(file).flatMap((use) => {
      const text = look(file, use);
      return text === null ? [] : [{ where: `${file.path}:${use.line}`, text }];
    }),
  );
}

/** Every file lies in a folder of the table. */
export function checkFolders(tree: Tree): Finding[] {
  return programFiles(tree)
    .filter((file) => rowOf(file.path) === undefined)
    .map((file) => ({
      where: file.path,
      text: 'this folder is not in the layout of ARCHITECTURE.md; move the file to the folder of its idea',
    }));
}

/** Imports between folders follow the table. */
export function checkDirections(tree: Tree): Finding[] {
  return eachImport(tree, (file, use) => {
    const row = rowOf(file.path);
    if (row === undefined || use.target === null) return null;
    if (isIn(use.target, row.folder) || row.uses.some((folder) => isIn(use.target ?? '', folder))) return null;
    const isType = row.usesTypes.some((folder) => matchesType(use.target ?? '', folder));
    if (isType && use.isType) return null;
    if (isType)
      return `imports ${use.target} at run time, but ${row.folder} may use it only as a type: write \`import type\``;
    return `imports ${use.target}, but ${allowance(row)}; ${row.instead}`;
  });
}

/** `<contract>` is the file of an adapter kind that says what its implementations promise. */
function matchesType(target: string, allowed: string): boolean {
  if (allowed === '<contract>') return /^src\/adapters\/[^/]+\/(?!index\.ts)[^/]+\.ts$/.test(target);
  return isIn(target, allowed);
}

function allowance(row: FolderRow): string {
  const uses = row.uses.length === 0 ? 'nothing' : row.uses.join(', ');
  return `${row.folder} may import ${uses}${row.usesTypes.length === 0 ? '' : ` (and types of ${row.usesTypes.join(', ')})`}`;
}

/** Packages and Node modules are used through their one door. */
export function checkDoors(tree: Tree): Finding[] {
  const viaImport = eachImport(tree, (file, use) => {
    const door = DOORS.find(({ packages }) => use.packageName !== null && packages.includes(use.packageName));
    if (door === undefined || door.folders.some((folder) => isIn(file.path, folder))) return null;
    return `imports ${use.specifier}, which only ${door.folders.join(', ')} may; ${door.instead}`;
  });
  const viaGlobal = programFiles(tree)
    .filter((file) => file.path.startsWith('src/') && !isIn(file.path, 'src/platform'))
    .flatMap((file) => matches(file, /(?<![\w$.])(fetch\s*\(|new\s+(WebSocket|EventSource)\b)/g))
    .map(({ where, found }) => ({ where, text: `uses \`${found}\`; ask over HTTP with src/platform/http-client.ts` }));
  return [...viaImport, ...viaGlobal];
}

const IMPURE: [RegExp, string][] = [
  [
    /\bDate\.now\b|\bnew\s+Date\s*(\(\s*\)|(?!\s*\())|(?<!new\s)(?<![\w$.])Date\s*\(|\bperformance\b/g,
    'take the time as an argument',
  ],
  [/\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/g, 'take ids and chance as an argument'],
  [/(?<![\w$.])process\b/g, 'take facts about the machine as an argument'],
  [
    /(?<![\w$.])(setTimeout|setInterval|setImmediate|queueMicrotask)\b/g,
    'waiting is the work of src/engine: return what to do',
  ],
  [/(?<![\w$.])(globalThis|console)\b/g, 'return a value; others show it'],
];

/** Core is pure: no clock, chance, environment, disk or network, and no library that has them. */
export function checkPurity(tree: Tree): Finding[] {
  const core = programFiles(tree).filter((file) => isIn(file.path, 'src/core'));
  const words = core.flatMap((file) =>
    IMPURE.flatMap(([pattern, instead]) =>
      matches(file, pattern).map(({ where, found }) => ({
        where,
        text: `core is pure, but uses \`${found}\`; ${instead}`,
      })),
    ),
  );
  const packages = eachImport(tree, (file, use) => {
    if (!isIn(file.path, 'src/core') || use.packageName === null) return null;
    const pure = PURE_PACKAGES.find((row) => row.packages.includes(use.packageName ?? ''));
    const isAllowed = pure?.folders.some((folder) => isIn(file.path, folder)) ?? false;
    if (isAllowed && (use.packageName !== 'node:crypto' || use.names.join() === 'createHash')) return null;
    if (isAllowed)
      return 'core may take nothing but createHash from node:crypto; take ids, keys and chance as an argument';
    return `imports ${use.specifier}, but core is pure; let src/platform or an adapter do it and take the result as an argument`;
  });
  return [...words, ...packages];
}

function matches(file: SourceFile, pattern: RegExp): { where: string; found: string }[] {
  return [...file.code.matchAll(pattern)].map((match) => ({
    where: `${file.path}:${lineOf(file.text, match.index)}`,
    found: match[0].trim(),
  }));
}

/** Tests are never part of the program, and relative imports name the file as it is. */
export function checkTargets(tree: Tree): Finding[] {
  const known = new Map(tree.sources.map((file) => [file.path, file]));
  return eachImport(tree, (_file, use) => {
    if (use.target === null || use.target.endsWith('.json')) return null;
    const target = known.get(use.target);
    if (target === undefined)
      return `imports ${use.specifier}, which does not exist; write the file name with its .ts ending`;
    const isForTests = target.isTest || target.path.startsWith('test/');
    return isForTests
      ? `imports ${use.target}, which is not part of the program; move the shared code out of the tests`
      : null;
  });
}

/** No file reaches itself by way of its imports, type imports included. */
export function checkCycles(tree: Tree): Finding[] {
  const graph = new Map(
    tree.sources.map((file) => [
      file.path,
      findImports(file).flatMap(({ target }) => (target === null ? [] : [target])),
    ]),
  );
  const findings: Finding[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    const from = trail.indexOf(path);
    if (from !== -1) {
      const text = `imports itself by way of ${[...trail.slice(from + 1), path].join(' -> ')}; move what both need into a third file`;
      findings.push({ where: path, text });
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return findings;
}
