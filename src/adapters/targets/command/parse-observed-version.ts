/** What an observe command printed: a version, that nothing is deployed, or something else. */
export type ObservedVersion = { version: string; release: string | null } | 'none' | 'unreadable';

const WORD = /^[A-Za-z0-9][\w.+-]{0,199}$/; // SemVer, a tag, a commit; an error message has spaces

/** Reads the last line that is not empty: a version (a leading v is dropped), `none`, or JSON `{"version": …, "release": …}`. */
export function parseObservedVersion(output: string): ObservedVersion {
  const last =
    output
      .split(/\r?\n/)
      .findLast((line) => line.trim() !== '')
      ?.trim() ?? '';
  if (last.startsWith('{') || last.endsWith('}')) return parseObject(last) ?? parseObject(output) ?? 'unreadable';
  return last === 'none' ? 'none' : (versionOf(last) ?? 'unreadable');
}

function parseObject(text: string): ObservedVersion | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || !('version' in value)) return null;
  if (value.version === null || value.version === 'none') return 'none';
  const found = typeof value.version === 'string' ? versionOf(value.version) : null;
  if (found === null) return null;
  const release = 'release' in value && typeof value.release === 'string' ? value.release : null;
  return { ...found, release };
}

function versionOf(word: string): { version: string; release: null } | null {
  return WORD.test(word) ? { version: word.replace(/^v(?=\d)/, ''), release: null } : null;
}
