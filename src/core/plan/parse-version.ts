import { problem } from '../release/problem.ts';

// The pattern published with SemVer 2.0.0 (semver.org, FAQ), without the leading "v" that people also type.
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$/;

/** A SemVer number without a leading "v". Throws `usage` for anything else. */
export function parseVersion(text: string): string {
  const number = text.startsWith('v') ? text.slice(1) : text;
  if (SEMVER.test(number)) return number;
  throw problem('usage', `"${text}" is not a version`, {
    next: 'Write MAJOR.MINOR.PATCH, for example 1.4.0 or 2.0.0-rc.1.',
  });
}
