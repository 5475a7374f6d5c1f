import canonicalize from 'canonicalize';

/** An env file as it lay there. */
export interface EnvFileCopy {
  /** As the release file names it. */
  path: string;
  /** Permission bits. */
  mode: number;
  /** Its bytes, base64. */
  content: string;
}

/** The environment of a service at one moment. Holds secrets: it leaves memory encrypted only. */
export interface EnvironmentSnapshot {
  format: 1;
  /** Random: so that the digest of equal environments differs, and nobody can try values until one has the digest in a manifest. */
  salt: string;
  file: EnvFileCopy | null;
  /** Values of the variables that the service is started with, as they were resolved. */
  variables: Record<string, string>;
}

/** The canonical bytes (RFC 8785) of a snapshot. */
export function snapshotBytes(snapshot: EnvironmentSnapshot): Buffer {
  return Buffer.from(canonicalize(snapshot) ?? '', 'utf8');
}

/** The snapshot in the bytes; null when they are none. */
export function readSnapshot(bytes: Buffer): EnvironmentSnapshot | null {
  try {
    const value = JSON.parse(bytes.toString('utf8')) as EnvironmentSnapshot;
    const { file } = value;
    const isFile = file === null || (typeof file.path === 'string' && typeof file.content === 'string');
    return value.format === 1 && isFile && typeof value.variables === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** Whether the env file is the same, byte for byte. */
export function isSameFile(one: EnvFileCopy | null, other: EnvFileCopy | null): boolean {
  return one?.content === other?.content && one?.path === other?.path;
}

/** Whether the snapshots say the same. */
export function isSameEnvironment(one: EnvironmentSnapshot, other: EnvironmentSnapshot): boolean {
  return (
    isSameFile(one.file, other.file) &&
    changedNames(one.variables, other.variables).every((name) => name.how === 'same')
  );
}

/** What becomes of one name. */
export interface NameChange {
  name: string;
  how: 'same' | 'changes' | 'goes' | 'comes';
}

/** Every name of both, sorted, with what becomes of it on the way from the one to the other. */
export function changedNames(
  from: Readonly<Record<string, string>>,
  to: Readonly<Record<string, string>>,
): NameChange[] {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return names.map((name) => {
    if (!Object.hasOwn(to, name)) return { name, how: 'goes' };
    if (!Object.hasOwn(from, name)) return { name, how: 'comes' };
    return { name, how: from[name] === to[name] ? 'same' : 'changes' };
  });
}

/** `API_KEY, NEW_FLAG goes, OLD_FLAG comes back`: names alone, never a value. */
export function changeWords(changes: readonly NameChange[]): string {
  const words = changes.flatMap(({ name, how }) => {
    switch (how) {
      case 'same':
        return [];
      case 'changes':
        return [name];
      case 'goes':
        return [`${name} goes`];
      case 'comes':
        return [`${name} comes back`];
    }
  });
  return words.length === 0 ? 'no value, only how it is written' : words.join(', ');
}
