import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from './finding.ts';
import type { Tree } from './read-tree.ts';

// How many capabilities the catalogue of requirements has under each letter; 83 in all.
const LETTERS: [string, number][] = [
  ['V', 9],
  ['G', 11],
  ['D', 9],
  ['T', 9],
  ['C', 11],
  ['W', 6],
  ['R', 9],
  ['O', 8],
  ['N', 6],
  ['S', 5],
];

/** The ids of all capabilities, V1 to S5. */
export const CAPABILITY_IDS = LETTERS.flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
);

const STATES = ['done', 'partly', 'open'];

interface Row {
  id: string;
  line: number;
  builtIn: string;
  provenBy: string;
  state: string;
}

function readLines(root: string, path: string): string[] | null {
  const file = join(root, path);
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n') : null;
}

/** Paths in backticks: with a folder, or a file of the root. Placeholders (`<kind>`, `*`, `…`) are not paths but patterns. */
export function findPaths(line: string): string[] {
  return [...line.matchAll(/`([^`\s]+)`/g)]
    .map((match) => (match[1] ?? '').replace(/:\d+$/, '').replace(/\/$/, ''))
    .filter(
      (text) =>
        /^\.?[\w@-]+(\.[\w-]+)*(\/[\w@.-]+)+$/.test(text) ||
        /^[\w-]+(\.[\w-]+)*\.(ts|mts|mjs|js|md|json|yaml)$/.test(text),
    )
    .filter((text) => !text.startsWith('.shipway'));
}

/** ARCHITECTURE.md is a map: what it names is there. */
export function checkArchitecturePaths(tree: Tree): Finding[] {
  const lines = readLines(tree.root, 'ARCHITECTURE.md');
  if (lines === null)
    return [
      { where: 'ARCHITECTURE.md', text: 'is missing; it is the map of the project, write one line for each folder' },
    ];
  return lines.flatMap((line, index) =>
    findPaths(line)
      .filter((path) => !existsSync(join(tree.root, path)))
      .map((path) => ({
        where: `ARCHITECTURE.md:${index + 1}`,
        text: `names ${path}, which does not exist; moving a file means moving its line here`,
      })),
  );
}

/** docs/coverage.md has each capability once, and what it calls done can be opened. */
export function checkCoverage(tree: Tree): Finding[] {
  const where = 'docs/coverage.md';
  const lines = readLines(tree.root, where);
  if (lines === null)
    return [{ where, text: `is missing; it has one row for each of the ${CAPABILITY_IDS.length} capabilities` }];
  const rows = lines.flatMap((line, index) => readRow(line, index + 1));
  const missing = CAPABILITY_IDS.filter((id) => !rows.some((row) => row.id === id));
  return [
    ...missing.map((id) => ({ where, text: `has no row for ${id}; add \`| ${id} | … | – | – | open |\`` })),
    ...rows.flatMap((row, index) => judgeRow(tree, row, rows.slice(0, index))),
  ];
}

function readRow(line: string, number: number): Row[] {
  const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
  if (cells.length < 3 || !/^[A-Z]\d+$/.test(cells[1] ?? '')) return [];
  const [, id = '', , builtIn = '', provenBy = '', state = ''] = cells;
  return [{ id, line: number, builtIn, provenBy, state }];
}

function judgeRow(tree: Tree, row: Row, earlier: Row[]): Finding[] {
  const where = `docs/coverage.md:${row.line}`;
  const say = (text: string): Finding => ({ where, text: `${row.id} ${text}` });
  if (!CAPABILITY_IDS.includes(row.id)) return [say('is not in the catalogue; remove the row or correct its id')];
  const findings: Finding[] = [];
  if (earlier.some(({ id }) => id === row.id)) findings.push(say('has a second row; keep one'));
  if (!STATES.includes(row.state))
    findings.push(say(`has the state "${row.state}"; write one of ${STATES.join(', ')}`));
  for (const path of [...findPaths(row.builtIn), ...findPaths(row.provenBy)]) {
    if (!existsSync(join(tree.root, path))) findings.push(say(`names ${path}, which does not exist; correct the path`));
  }
  if (row.state === 'open') return findings;
  if (findPaths(row.builtIn).length === 0)
    findings.push(say(`is ${row.state}, but names no code; write the path in backticks`));
  if (!findPaths(row.provenBy).some((path) => /\.(test|suite)\.ts$/.test(path))) {
    findings.push(
      say(`is ${row.state}, but names no test; write the path of the test that fails without it in backticks`),
    );
  }
  return findings;
}
