import type { Json } from '../release/json.ts';
import { writeDuration } from '../release/quantities.ts';
import { isCeiling, mayFailEarly, type Criterion } from '../verdict/criterion.ts';
import type { ConfigPath } from './config-problem.ts';
import { criteriaAt, environmentNames, mapAt, secondsAt, type PlacedCriterion } from './raw-file.ts';
import type { Findings } from './rules.ts';
import { valueAt } from './source.ts';

const EVERY_SECONDS = 10; // the default of `every`

/** The times and the criteria of each watch fit each other. */
export function checkWatches(root: Json, findings: Findings): void {
  for (const name of environmentNames(root)) {
    const path = ['environments', name, 'watch'];
    if (Object.keys(mapAt(root, path)).length === 0) continue;
    checkRounds(root, path, findings);
    checkWindows(root, path, findings);
    checkReleaseWindow(root, path, findings);
    checkSources(root, path, findings);
    checkReleaseTypes(root, { name, path }, findings);
  }
}

function checkRounds(root: Json, path: ConfigPath, findings: Findings): void {
  const watch = secondsAt(root, [...path, 'for']);
  const every = secondsAt(root, [...path, 'every']) ?? EVERY_SECONDS;
  if (watch === null || every <= watch) return;
  const written = valueAt(root, [...path, 'every']) !== undefined;
  findings.problems.push({
    path: [...path, written ? 'every' : 'for'],
    message: written
      ? `is longer than the watch of ${writeDuration(watch)}, so that nothing is ever measured`
      : `is shorter than one round of ${writeDuration(every)}, so that nothing is ever measured`,
    fix: written
      ? `Write at most ${writeDuration(watch)}.`
      : `Write at least ${writeDuration(every)}, or a shorter \`every\`.`,
  });
}

/** A limit that must be passed for a whole window is never breached when the watch ends before. */
function lastsLongerThan(criterion: Criterion, seconds: number): boolean {
  return !mayFailEarly(criterion) && criterion.windowSeconds > seconds;
}

function checkWindows(root: Json, path: ConfigPath, findings: Findings): void {
  for (const [part, what] of [
    [path, 'watch'],
    [[...path, 'release window'], 'release window'],
  ] as const) {
    const seconds = secondsAt(root, [...part, 'for']);
    const criteria = criteriaAt(root, part);
    for (const placed of criteria) {
      if (seconds === null || !lastsLongerThan(placed.criterion, seconds)) continue;
      const length = writeDuration(placed.criterion.windowSeconds);
      const fix = `Write a window of at most ${writeDuration(seconds)}, or make the ${what} longer.`;
      findings.problems.push({
        path: placed.path,
        message: `can never be breached: ${length} is longer than the ${what} of ${writeDuration(seconds)}`,
        fix,
      });
    }
  }
}

function checkReleaseWindow(root: Json, path: ConfigPath, findings: Findings): void {
  const windowPath = [...path, 'release window'];
  const watch = secondsAt(root, [...path, 'for']);
  const window = secondsAt(root, [...windowPath, 'for']);
  if (watch !== null && window !== null && window >= watch) {
    const message = `is not shorter than the watch of ${writeDuration(watch)}, so that its criteria hold all the time`;
    findings.warnings.push({
      path: [...windowPath, 'for'],
      message,
      fix: `Write less than ${writeDuration(watch)}, or move the criteria to the watch.`,
    });
  }
  const normal = criteriaAt(root, path);
  for (const strict of criteriaAt(root, windowPath)) {
    const looser = normal.find((one) => isSameMeasure(one, strict) && !isStricter(strict.criterion, one.criterion));
    if (looser === undefined) continue;
    const message = `is not stricter than the normal criterion \`${looser.criterion.text}\``;
    findings.warnings.push({ path: strict.path, message, fix: 'Write a stricter limit, or remove it here.' });
  }
}

function isSameMeasure(a: PlacedCriterion, b: PlacedCriterion): boolean {
  const [one, other] = [a.criterion, b.criterion];
  return (
    one.action === other.action &&
    isCeiling(one.comparison) === isCeiling(other.comparison) &&
    JSON.stringify(one.quantity) === JSON.stringify(other.quantity)
  );
}

/** A closer limit, or the same limit over a shorter window. */
function isStricter(strict: Criterion, normal: Criterion): boolean {
  if (strict.limit === normal.limit) return strict.windowSeconds < normal.windowSeconds;
  return isCeiling(strict.comparison) ? strict.limit < normal.limit : strict.limit > normal.limit;
}

function checkSources(root: Json, path: ConfigPath, findings: Findings): void {
  const criteria = [...criteriaAt(root, path), ...criteriaAt(root, [...path, 'release window'])];
  if (valueAt(root, [...path, 'metrics']) === undefined) {
    for (const { criterion, path: place } of criteria) {
      if (criterion.quantity.name !== 'metric') continue;
      const fix = 'Add `metrics: { scrape: /metrics }` to the watch.';
      findings.problems.push({ path: place, message: 'can never be measured: the watch has no metrics', fix });
    }
  }
  if (Object.keys(mapAt(root, path)).some((key) => key.endsWith(' when') || key === 'release window')) return;
  const fix = 'Add `roll back when: [error rate > 1% for 5 minutes]`.';
  findings.warnings.push({
    path,
    at: 'key',
    found: null,
    message: 'has no criteria, so that nothing can end it early',
    fix,
  });
}

function checkReleaseTypes(root: Json, watch: { name: string; path: ConfigPath }, findings: Findings): void {
  for (const type of Object.keys(mapAt(root, ['release']))) {
    const path = ['release', type, 'watch'];
    const seconds = secondsAt(root, path);
    if (seconds === null) continue;
    const late = criteriaAt(root, watch.path).filter((one) => lastsLongerThan(one.criterion, seconds));
    if (late.length === 0) continue;
    const texts = late.map((one) => `\`${one.criterion.text}\``).join(', ');
    const longest = Math.max(...late.map((one) => one.criterion.windowSeconds));
    findings.warnings.push({
      path,
      message: `is too short for criteria of ${watch.name} that then can never be breached: ${texts}`,
      fix: `Write at least ${writeDuration(longest)} if they shall hold for this type too.`,
    });
  }
}
