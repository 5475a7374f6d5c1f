import type { Json } from '../release/json.ts';
import type { ConfigPath } from './config-problem.ts';
import { chosenAt, environmentNames, mapAt, textAt, textsAt } from './raw-file.ts';
import type { Findings } from './rules.ts';
import { hasWayDown } from './service-config-of.ts';
import { valueAt } from './source.ts';
import { suggestionFor } from './suggest.ts';

const CIRCLE_SHOWN_MAX = 6; // one line of a terminal
/** Phases that a release type may leave out, and the rehearsal before it; without the others there is no release. */
const SKIPPABLE_PHASES = ['prepare', 'backup', 'verify', 'watch', 'rehearsal'];

/** `after:` leads from environment to environment and comes to an end. */
export function checkOrder(root: Json, findings: Findings): void {
  const names = environmentNames(root);
  for (const name of names) {
    const path = ['environments', name, 'after'];
    const after = textAt(root, path);
    if (after === null) continue;
    if (!names.includes(after)) {
      const others = names.filter((one) => one !== name);
      findings.problems.push({
        path,
        message: 'is not an environment of this file',
        fix: suggestionFor(after, others, 'Known environments'),
      });
      continue;
    }
  }
  for (const circle of circlesOf(root, names)) {
    const [first = ''] = circle;
    const shown = circle.length > CIRCLE_SHOWN_MAX ? [...circle.slice(0, CIRCLE_SHOWN_MAX), '…'] : circle;
    const message = circle.length === 1 ? 'waits for itself' : `waits for itself: ${[...shown, first].join(' after ')}`;
    const fix = 'Remove `after` from the environment that comes first.';
    findings.problems.push({ path: ['environments', first, 'after'], message, fix });
  }
}

/** Each circle once, from the environment of it that is written first. */
function circlesOf(root: Json, names: readonly string[]): string[][] {
  const decided = new Set<string>();
  const circles: string[][] = [];
  for (const name of names) {
    const walked = new Set<string>();
    let next: string | null = name;
    while (next !== null && !decided.has(next) && !walked.has(next)) {
      walked.add(next);
      next = textAt(root, ['environments', next, 'after']);
    }
    if (next !== null && walked.has(next)) {
      const path = [...walked];
      const circle = path.slice(path.indexOf(next));
      const start = Math.min(...circle.map((one) => names.indexOf(one)));
      const from = circle.indexOf(names[start] ?? next);
      circles.push([...circle.slice(from), ...circle.slice(0, from)]);
    }
    for (const one of walked) decided.add(one);
  }
  return circles;
}

export function checkStores(root: Json, findings: Findings): void {
  const stores = Object.keys(mapAt(root, ['stores']));
  for (const name of environmentNames(root)) {
    const path = ['environments', name, 'stores'];
    const named = textsAt(root, path);
    for (const [index, store] of named) {
      if (!stores.includes(store)) {
        findings.problems.push({
          path: [...path, index],
          message: 'is not a store of this file',
          fix: suggestionFor(store, stores, 'Known stores'),
        });
      }
    }
    repeated(named, path, findings);
  }
}

function repeated(named: [number, string][], path: ConfigPath, findings: Findings): void {
  const seen = new Set<string>();
  for (const [index, text] of named) {
    const isNew = !seen.has(text);
    seen.add(text);
    if (isNew) continue;
    findings.problems.push({ path: [...path, index], message: 'is named twice', fix: 'Remove one of the two.' });
  }
}

/** What a router or a metrics source names as its component is one of the target, and has a port. */
export function checkComponents(root: Json, findings: Findings): void {
  for (const name of environmentNames(root)) {
    const environment = ['environments', name];
    const target = chosenAt(root, [...environment, 'target']);
    const router = chosenAt(root, [...environment, 'router']);
    const components = target === null ? [] : Object.keys(mapAt(root, [...target.path, 'components']));
    if (
      router !== null &&
      target !== null &&
      components.length === 0 &&
      Object.keys(mapAt(root, target.path)).length > 0
    ) {
      const fix = 'Remove the router, or use a target that starts components itself.';
      findings.problems.push({
        path: [...environment, 'router'],
        at: 'key',
        message: `has nothing to lead to: a target of kind ${target.kind} has no components`,
        found: null,
        fix,
      });
      continue;
    }
    const naming = [
      [...environment, 'watch', 'metrics', 'component'],
      ...(router === null ? [] : [[...router.path, 'component']]),
    ];
    const metrics = chosenAt(root, [...environment, 'watch', 'metrics']);
    if (metrics !== null) naming.push([...metrics.path, 'component'] as string[]);
    for (const path of naming) checkComponent(root, { path, target: target?.path ?? [], components }, findings);
  }
}

function checkComponent(
  root: Json,
  named: { path: ConfigPath; target: ConfigPath; components: string[] },
  findings: Findings,
): void {
  const component = textAt(root, named.path);
  if (component === null || named.components.length === 0) return;
  if (!named.components.includes(component)) {
    findings.problems.push({
      path: named.path,
      message: 'is not a component of the target',
      fix: suggestionFor(component, named.components, 'Known components'),
    });
  } else if (valueAt(root, [...named.target, 'components', component, 'port']) === 'none') {
    findings.problems.push({
      path: named.path,
      message: 'is a component without a port, so nothing can be asked of it',
      fix: `Remove "port: none" from ${component}, or name another component.`,
    });
  }
}

export function checkMigrations(root: Json, findings: Findings): void {
  for (const name of environmentNames(root)) {
    const path = ['environments', name, 'migrate'];
    const migrate = mapAt(root, path);
    const kind = Object.keys(migrate).find(
      (key) => !['when', 'compatible', 'reversible', 'contract', 'unsafe', 'allow'].includes(key),
    );
    if (kind === undefined || migrate['compatible'] === true) continue;
    if (migrate['reversible'] === true) continue;
    if (migrate['reversible'] !== false && hasWayDown(migrate[kind] ?? null)) continue;
    findings.warnings.push({
      path,
      at: 'key',
      found: null,
      message:
        'has no way down and the version before cannot run on the new schema, so that no release with a migration is rolled back automatically',
      fix: 'Write `down`, or make each migration compatible with the version before and say `compatible: true`.',
    });
  }
}

export function checkVerification(root: Json, findings: Findings): void {
  for (const name of environmentNames(root)) {
    const path = ['environments', name, 'verify'];
    const verify = valueAt(root, path);
    if (verify !== undefined && !(Array.isArray(verify) && verify.length === 0)) continue;
    findings.warnings.push({
      path,
      at: 'key',
      found: null,
      message: 'has no checks, so that a version that starts and answers wrongly counts as released',
      fix: 'Add at least one check: - Health: { get: https://example.org/health }.',
    });
  }
}

/** Two checks of one list with one name could not be told apart in the record. */
export function checkNames(root: Json, findings: Findings): void {
  const lists: ConfigPath[] = [['checklist']];
  for (const name of environmentNames(root)) {
    const environment = ['environments', name];
    lists.push([...environment, 'checklist'], [...environment, 'verify'], [...environment, 'watch', 'probe']);
    lists.push([...environment, 'rehearsal', 'checks']);
  }
  for (const path of lists) {
    const list = valueAt(root, path);
    if (!Array.isArray(list)) continue;
    const names = list.map((_, index) => Object.keys(mapAt(root, [...path, index]))[0]);
    // A checklist of an environment is added to the one of all environments.
    const before = path.at(-1) === 'checklist' && path.length > 1 ? namesOf(root, ['checklist']) : [];
    names.forEach((name, index) => {
      if (name === undefined || (names.indexOf(name) === index && !before.includes(name))) return;
      findings.problems.push({
        path: [...path, index, name],
        at: 'key',
        message: 'is the name of another check in this list',
        found: null,
        fix: 'Give each check its own name.',
      });
    });
  }
}

function namesOf(root: Json, path: ConfigPath): (string | undefined)[] {
  const list = valueAt(root, path);
  return Array.isArray(list) ? list.map((_, index) => Object.keys(mapAt(root, [...path, index]))[0]) : [];
}

export function checkApprovals(root: Json, findings: Findings): void {
  const types = Object.keys(mapAt(root, ['release'])).map((type) => ['release', type, 'approval']);
  const environments = environmentNames(root).map((name) => ['environments', name, 'approval']);
  for (const path of [...types, ...environments]) {
    const from = textsAt(root, [...path, 'from']);
    repeated(from, [...path, 'from'], findings);
    const written = valueAt(root, [...path, 'count']);
    const people = new Set(from.map(([, person]) => person)).size;
    if (people === 0 || typeof written !== 'number' || written <= people) continue;
    findings.problems.push({
      path: [...path, 'count'],
      message: `asks for more approvals than there are names in \`from\` (${people})`,
      fix: `Write at most ${people}, or add names.`,
    });
  }
}

/** What a release type leaves out is a phase, or an environment that another one comes after: anything else would have no effect. */
export function checkSkips(root: Json, findings: Findings): void {
  const names = environmentNames(root);
  const before = new Set(names.map((name) => textAt(root, ['environments', name, 'after'])));
  const known = [...names.filter((name) => before.has(name)), ...SKIPPABLE_PHASES];
  for (const type of Object.keys(mapAt(root, ['release']))) {
    const path = ['release', type, 'skip'];
    for (const [index, skipped] of textsAt(root, path)) {
      if (known.includes(skipped)) continue;
      findings.problems.push({
        path: [...path, index],
        message: names.includes(skipped)
          ? 'is an environment that no other one comes after, so that leaving it out changes nothing'
          : 'is neither an environment of this file nor a phase that can be left out',
        fix: names.includes(skipped)
          ? `Remove it, or write \`after: ${skipped}\` in the environment that comes next.`
          : suggestionFor(skipped, known, 'Possible'),
      });
    }
    repeated(textsAt(root, path), path, findings);
  }
}
