import type { Json } from '../../../core/release/json.ts';

const STEP = /(?:^|\.)([^.[\]"]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** The steps of `a.b[0].c` (also `$.a`, and `["a.b"]` for a name with signs in it); null when it is no path. The empty path is the whole. */
export function parseJsonPath(text: string): (string | number)[] | null {
  const path = text.replace(/^\$\.?/, '');
  const steps: (string | number)[] = [];
  let at = 0;
  while (at < path.length) {
    STEP.lastIndex = at;
    const found = STEP.exec(path);
    if (!found) return null;
    const [, name, position, quoted] = found;
    steps.push(name ?? (position === undefined ? unquoted(quoted ?? '""') : Number(position)));
    at = STEP.lastIndex;
  }
  return steps;
}

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}

/** The value at the path; undefined where the document has none. */
export function valueAt(document: Json, steps: readonly (string | number)[]): Json | undefined {
  let value: Json | undefined = document;
  for (const step of steps) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value)) value = typeof step === 'number' ? value[step] : undefined;
    else value = Object.hasOwn(value, step) ? value[String(step)] : undefined;
  }
  return value;
}
