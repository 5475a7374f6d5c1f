import { scratchVariable } from '../rehearsal/scratch-variable.ts';
import type { Json } from '../release/json.ts';
import { chosenAt, environmentNames, mapAt, textAt, textsAt } from './raw-file.ts';
import type { Findings } from './rules.ts';
import { valueAt } from './source.ts';
import { suggestionFor } from './suggest.ts';

const NAMED = /\$\{?(SCRATCH_\w+)/g;

/** What is started on a copy is there, and every copy that is named is of a store. */
export function checkScratch(root: Json, findings: Findings): void {
  const stores = Object.keys(mapAt(root, ['stores']));
  for (const name of environmentNames(root)) {
    const path = ['environments', name, 'scratch'];
    if (valueAt(root, path) === undefined) continue;
    for (const [index, store] of textsAt(root, [...path, 'without'])) {
      if (stores.includes(store)) continue;
      const fix = suggestionFor(store, stores, 'Known stores');
      findings.problems.push({ path: [...path, 'without', index], message: 'is not a store of this file', fix });
    }
    checkVariables(root, [...path, 'env'], { stores, findings });
    checkProgram(root, name, findings);
  }
}

function checkVariables(root: Json, path: string[], { stores, findings }: { stores: string[]; findings: Findings }) {
  const known = stores.flatMap((store) => ['URL', 'DATABASE', 'PATH'].map((what) => scratchVariable(store, what)));
  for (const key of Object.keys(mapAt(root, path))) {
    for (const [, wanted = ''] of (textAt(root, [...path, key]) ?? '').matchAll(NAMED)) {
      if (known.includes(wanted)) continue;
      const fix = suggestionFor(wanted, known, 'Known are');
      findings.problems.push({ path: [...path, key], message: `names $${wanted}, which is the copy of no store`, fix });
    }
  }
}

function checkProgram(root: Json, environment: string, findings: Findings): void {
  const path = ['environments', environment, 'scratch'];
  const target = chosenAt(root, ['environments', environment, 'target']);
  if (target === null) return;
  const isGiven = valueAt(root, [...path, 'start']) !== undefined;
  const components = Object.keys(mapAt(root, [...target.path, 'components']));
  if (target.kind !== 'process' && !isGiven) {
    findings.problems.push({
      path,
      at: 'key',
      found: null,
      message: `does not say what is started: a target of kind ${target.kind} starts nothing beside what runs`,
      fix: 'Write the program as start: { command: [node, server.mjs], directory: releases/$VERSION }.',
    });
  }
  for (const [index, name] of textsAt(root, [...path, 'components'])) {
    if (components.includes(name)) continue;
    const fix = suggestionFor(name, components, 'Known components');
    findings.problems.push({ path: [...path, 'components', index], message: 'is not a component of the target', fix });
  }
}
