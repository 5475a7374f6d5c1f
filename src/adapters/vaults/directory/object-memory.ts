import { createHash } from 'node:crypto';
import type { KeyRing } from '../seal/key-ring.ts';

/** One store of a service in one vault: what it shares objects within. */
export interface ObjectScope {
  vault: string;
  service: string;
  environment: string;
  store: string;
}

/** What the next backup must know of the newest one to take objects over. Losing it costs one full backup. */
export interface ObjectMemory {
  backup: string;
  /** When the last backup began that took nothing over. */
  fullAtMs: number;
  /** Counts the backups since: decides which objects are looked at. */
  turn: number;
  /** By name of the object, in hex; null when it is not encrypted. Those of the newest backup only. */
  keys: Record<string, string | null>;
  /** The store's own. */
  note: string;
}

const FORMAT = 1;

export async function readMemory(keys: KeyRing, scope: ObjectScope): Promise<ObjectMemory | null> {
  const text = (await keys.remembered(nameOf(scope))) ?? '';
  const end = text.indexOf('\n');
  if (end === -1) return null;
  try {
    const { format, ...head } = JSON.parse(text.slice(0, end)) as Omit<ObjectMemory, 'note'> & { format: unknown };
    return format === FORMAT ? { ...head, note: text.slice(end + 1) } : null;
  } catch {
    return null;
  }
}

export async function writeMemory(keys: KeyRing, scope: ObjectScope, memory: ObjectMemory): Promise<void> {
  const { note, ...head } = memory;
  await keys.remember(nameOf(scope), `${JSON.stringify({ format: FORMAT, ...head })}\n${note}`);
}

export async function forgetMemory(keys: KeyRing, scope: ObjectScope): Promise<void> {
  await keys.forgetRemembered(nameOf(scope));
}

/** Deletes what is kept of backups that are not there any more: nothing can be taken over from them, and keys are not kept for nothing. */
export async function forgetGone(keys: KeyRing, isThere: (backup: string) => Promise<boolean>): Promise<void> {
  for (const name of await keys.rememberedNames()) {
    const backup = backupIn((await keys.remembered(name)) ?? '');
    if (backup === null || !(await isThere(backup))) await keys.forgetRemembered(name);
  }
}

/** null: of no use to any backup. */
function backupIn(text: string): string | null {
  try {
    const { backup } = JSON.parse(text.slice(0, text.indexOf('\n'))) as { backup?: unknown };
    return typeof backup === 'string' ? backup : null;
  } catch {
    return null;
  }
}

function nameOf({ vault, service, environment, store }: ObjectScope): string {
  const digest = createHash('sha256').update(JSON.stringify([vault, service, environment, store]));
  return digest.digest('hex').slice(0, 32);
}
