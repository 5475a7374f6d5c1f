// Checks the documents against the project: links and their anchors, paths, commands, and what must not stand in a repository.
// usage: node scripts/check-docs.mjs [ROOT]   exit 1 when something is wrong, one line for each finding
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT_FOLDERS = ['bench', 'changes', 'docs', 'examples', 'src', 'test', 'ui'];
const LEFT_OUT = new Set(['node_modules', 'dist', '.shipway', 'coverage']);
// Paths of one machine mean nothing on another; /tmp and /var are on all of them.
const MACHINE_PATH = /(?<![\w.])\/(?:work|home|root|Users)\/[\w.-]+/;
const PROJECT_PATH = /^(?:src|test|docs|scripts|bin|examples|bench|changes)\/[\w./-]+$/;

function listDocuments(root) {
  const below = ROOT_FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    walk(join(root, folder)),
  );
  const top = readdirSync(root).map((name) => join(root, name));
  return [...top, ...below].filter((path) => path.endsWith('.md')).map((path) => relative(root, path));
}

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !LEFT_OUT.has(entry.name))
    .flatMap((entry) => (entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)]));
}

/** Everything wrong in the documents below `root`, as `path:line: what; what to do`. */
export function checkDocuments(root) {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const project = { root, scripts: new Set(Object.keys(scripts ?? {})) };
  return [...listDocuments(root).flatMap((path) => checkDocument(project, path)), ...checkDecisionNames(root)];
}

function checkDocument(project, path) {
  const lines = readFileSync(join(project.root, path), 'utf8').split('\n');
  let isInBlock = false;
  return lines.flatMap((line, index) => {
    if (/^\s*(```|~~~)/.test(line)) isInBlock = !isInBlock;
    // A decision tells how things were on its day; what it names may be gone.
    const isHistory = path.startsWith('docs/decisions/');
    const findings = [
      ...(isInBlock ? [] : checkLinks(project, path, line)),
      ...(isInBlock || isHistory ? [] : checkPaths(project, line)),
      ...checkCommands(project, line),
      ...checkMachine(line),
    ];
    return findings.map((text) => `${path}:${index + 1}: ${text}`);
  });
}

function checkLinks(project, path, line) {
  return [...line.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [file, anchor] = link.split('#');
    const target = file === '' ? path : join(dirname(path), file);
    if (!existsSync(join(project.root, target))) return [`links to ${link}, which does not exist; correct the link`];
    if (anchor === undefined || !target.endsWith('.md')) return [];
    const anchors = anchorsOf(readFileSync(join(project.root, target), 'utf8'));
    return anchors.includes(anchor)
      ? []
      : [`links to #${anchor}, but ${target} has no such heading; it has ${anchors.join(', ')}`];
  });
}

function anchorsOf(text) {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function checkPaths(project, line) {
  return [...line.matchAll(/`([^`\s]+)`/g)]
    .map(([, path]) => path.replace(/:\d+$/, ''))
    .filter((path) => PROJECT_PATH.test(path) && !existsSync(join(project.root, path)))
    .map((path) => `names ${path}, which does not exist; correct the path`);
}

function checkCommands(project, line) {
  return [...line.matchAll(/\bnpm run ([\w:-]+)/g)]
    .filter(([, name]) => !project.scripts.has(name))
    .map(([, name]) => `says npm run ${name}, but package.json has no such script; correct one of the two`);
}

function checkMachine(line) {
  const found = MACHINE_PATH.exec(line);
  return found === null ? [] : [`has the path ${found[0]} of one machine; write it relative to the project`];
}

function checkDecisionNames(root) {
  const folder = join(root, 'docs', 'decisions');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name !== 'README.md' && !/^\d{4}-\d{2}-\d{2}-[a-z0-9-]+\.md$/.test(name))
    .map((name) => `docs/decisions/${name}: is not named after its day; write YYYY-MM-DD-what-was-decided.md`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const findings = checkDocuments(process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url))));
  for (const finding of findings) process.stdout.write(`${finding}\n`);
  process.stdout.write(`documents: ${findings.length === 0 ? 'in order' : `${findings.length} to correct`}\n`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
