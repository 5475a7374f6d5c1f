import type { Json } from '../release/json.ts';
import { chosenAt, environmentNames, mapAt, textAt } from './raw-file.ts';
import type { Findings } from './rules.ts';
import { valueAt } from './source.ts';
import { suggestionFor } from './suggest.ts';

/** A rehearsal has a migration to try and a store to try it on. */
export function checkRehearsals(root: Json, findings: Findings): void {
  const stores = Object.keys(mapAt(root, ['stores']));
  for (const name of environmentNames(root)) {
    const path = ['environments', name, 'rehearsal'];
    if (valueAt(root, path) === undefined) continue;
    if (chosenAt(root, ['environments', name, 'migrate']) === null) {
      findings.problems.push({
        path,
        at: 'key',
        found: null,
        message: 'has nothing to try: the environment has no migrate',
        fix: 'Remove it, or say under migrate how the schema is changed.',
      });
    }
    const store = textAt(root, [...path, 'store']);
    if (store === null || stores.includes(store)) continue;
    findings.problems.push({
      path: [...path, 'store'],
      message: 'is not a store of this file',
      fix: suggestionFor(store, stores, 'Known stores'),
    });
  }
}
