import type { Json, JsonObject } from '../release/json.ts';
import { parseDuration } from '../release/quantities.ts';
import type { Criterion } from '../verdict/criterion.ts';
import { parseCriterion } from '../verdict/parse-criterion.ts';
import type { ConfigPath } from './config-problem.ts';
import { valueAt } from './source.ts';
import { CRITERIA_KEYS } from './watch-words.ts';

// The rules between keys are judged on the file as written and not on what the schema made of it, so that they are told together with
// everything else that is wrong. Whatever has the wrong form is passed over here: the schema complains about it.

export function mapAt(root: Json, path: ConfigPath): JsonObject {
  const value = valueAt(root, path);
  return value !== null && value !== undefined && typeof value === 'object' && !Array.isArray(value) ? value : {};
}

export function textAt(root: Json, path: ConfigPath): string | null {
  const value = valueAt(root, path);
  return typeof value === 'string' ? value : null;
}

/** The texts of a list with their positions in it. */
export function textsAt(root: Json, path: ConfigPath): [index: number, text: string][] {
  const value = valueAt(root, path);
  if (!Array.isArray(value)) return [];
  return value.flatMap((item, index): [number, string][] => (typeof item === 'string' ? [[index, item]] : []));
}

export function secondsAt(root: Json, path: ConfigPath): number | null {
  const text = textAt(root, path);
  return text === null ? null : parseDuration(text);
}

export function environmentNames(root: Json): string[] {
  return Object.keys(mapAt(root, ['environments']));
}

/** The one chosen kind and its settings, or null where the choice itself is wrong. */
export function chosenAt(root: Json, path: ConfigPath): { kind: string; path: ConfigPath } | null {
  const kind = Object.keys(mapAt(root, path))[0];
  return kind === undefined ? null : { kind, path: [...path, kind] };
}

export interface PlacedCriterion {
  criterion: Criterion;
  path: ConfigPath;
}

/** The criteria below a watch or a release window, those that can be read. */
export function criteriaAt(root: Json, path: ConfigPath): PlacedCriterion[] {
  return Object.entries(CRITERIA_KEYS).flatMap(([key, action]) =>
    textsAt(root, [...path, key]).flatMap(([index, text]) => {
      const parsed = parseCriterion(text, action);
      return 'criterion' in parsed ? [{ criterion: parsed.criterion, path: [...path, key, index] }] : [];
    }),
  );
}
