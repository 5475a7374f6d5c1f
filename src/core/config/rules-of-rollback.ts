import type { Json } from '../release/json.ts';
import { environmentNames, mapAt } from './raw-file.ts';
import type { Findings } from './rules.ts';
import { valueAt } from './source.ts';

/** A copy that waits is one of something, and it waits while somebody watches. */
export function checkRollbacks(root: Json, findings: Findings): void {
  for (const name of environmentNames(root)) {
    const path = ['environments', name, 'rollback', 'prestage'];
    if (valueAt(root, path) !== true) continue;
    const own = valueAt(root, ['environments', name, 'stores']);
    const hasStores = Array.isArray(own) ? own.length > 0 : Object.keys(mapAt(root, ['stores'])).length > 0;
    if (!hasStores) {
      const message = 'has nothing to restore: the environment has no stores';
      findings.problems.push({ path, at: 'key', found: null, message, fix: 'Remove it, or declare stores.' });
    } else if (valueAt(root, ['environments', name, 'watch']) === undefined) {
      const message = 'waits for nobody: without a watch the release is over as soon as it is verified';
      findings.warnings.push({ path, at: 'key', found: null, message, fix: 'Add `watch`, or remove it.' });
    }
  }
}
