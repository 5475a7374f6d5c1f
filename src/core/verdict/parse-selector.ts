import type { Fault } from './fault.ts';
import type { Word } from './split-words.ts';

// One label: name="value" or name='value', with a comma or the end behind it.
const LABEL = /\s*([A-Za-z_]\w*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(,|$)/y;

/** Reads `{label="value", …}`; only equality is possible, because a verdict must be recomputable without a query language. */
export function parseSelector(word: Word): { labels: Record<string, string> } | Fault {
  const inside = word.text.slice(1, -1);
  const labels: [string, string][] = [];
  let at = 0;
  while (at < inside.length && inside.slice(at).trim() !== '') {
    LABEL.lastIndex = at;
    const found = LABEL.exec(inside);
    if (!found) {
      return {
        message: `"${inside.slice(at).trim()}" is not a label with a value`,
        offset: word.offset + 1 + at,
        fix: 'Write labels as `queue_depth{queue="mail"}`; only = is possible.',
      };
    }
    labels.push([found[1] ?? '', found[3] ?? unescaped(found[2] ?? '')]);
    at = LABEL.lastIndex;
  }
  return { labels: Object.fromEntries(labels) };
}

/** The escapes of a Prometheus label value: a line break, a quote and a backslash. */
function unescaped(value: string): string {
  return value.replaceAll(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign));
}
