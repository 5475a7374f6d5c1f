/** Whether a path from outside may be joined to a folder: relative, `/` only, no `.`, `..` or empty name, no control character. */
export function isSafePath(path: string): boolean {
  if (path === '' || path.includes('\\')) return false;
  // NUL ends a name for the system; the other control characters forge lines in what we print.
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path)) return false;
  return path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}
