import { assertNever } from '../release/assert-never.ts';
import { sealedFiles, type FoundFile, type Manifest } from './manifest.ts';

/** The first part that is not as it was sealed. */
export type Mismatch =
  | { kind: 'missing'; part: FoundFile }
  | { kind: 'truncated'; part: FoundFile; foundBytes: number }
  | { kind: 'grown'; part: FoundFile; foundBytes: number }
  | { kind: 'changed'; part: FoundFile; foundSha256: string }
  | { kind: 'extra'; path: string };

/** Compares the sealed files with those found below the backup's folder (manifest and signature excluded), as they lie there; null when all are there and unchanged. */
export function checkManifest(manifest: Manifest, found: readonly FoundFile[]): Mismatch | null {
  const byPath = new Map(found.map((part) => [part.path, part]));
  for (const part of sealedFiles(manifest)) {
    const mismatch = comparePart(part, byPath.get(part.path));
    if (mismatch !== null) return mismatch;
    byPath.delete(part.path);
  }
  const [extra] = [...byPath.keys()].sort();
  return extra === undefined ? null : { kind: 'extra', path: extra };
}

function comparePart(sealed: FoundFile, found: FoundFile | undefined): Mismatch | null {
  if (found === undefined) return { kind: 'missing', part: sealed };
  if (found.bytes < sealed.bytes) return { kind: 'truncated', part: sealed, foundBytes: found.bytes };
  if (found.bytes > sealed.bytes) return { kind: 'grown', part: sealed, foundBytes: found.bytes };
  if (found.sha256 !== sealed.sha256) return { kind: 'changed', part: sealed, foundSha256: found.sha256 };
  return null;
}

/** The mismatch as one clause that names the part. */
export function describeMismatch(mismatch: Mismatch): string {
  switch (mismatch.kind) {
    case 'missing':
      return `part ${mismatch.part.path} is missing`;
    case 'truncated':
      return `part ${mismatch.part.path} is truncated: ${mismatch.foundBytes} of ${mismatch.part.bytes} bytes`;
    case 'grown':
      return `part ${mismatch.part.path} has grown: ${mismatch.foundBytes} instead of ${mismatch.part.bytes} bytes`;
    case 'changed':
      return (
        `part ${mismatch.part.path} has changed: SHA-256 ${mismatch.foundSha256.slice(0, 12)}…` +
        ` instead of ${mismatch.part.sha256.slice(0, 12)}…`
      );
    case 'extra':
      return `file ${mismatch.path} is not part of the backup`;
    default:
      return assertNever(mismatch);
  }
}
