import { isIP } from 'node:net';
import type { Slot } from '../router.ts';
import type { RouterState } from '../router.ts';

/** What the router keeps on disk, so that it serves the same after a restart. */
export interface StoredState extends RouterState {
  /** Whoever sends it as a header learns which slot answered. Random, in a file only its owner reads. */
  probeKey: string;
}

/** The request header with the probe key, and the answer header with the slot. */
export const PROBE_HEADER = 'x-shipway-probe';
export const SLOT_HEADER = 'x-shipway-slot';

const SLOTS_MAX = 64; // a release has two or three; more is a mistake of the caller
const WEIGHT_TOLERANCE = 0.001; // shares like 33.33 + 66.67 add up only nearly

/** What is wrong with a wanted state, in words, or null. */
export function mistakeIn(state: RouterState): string | null {
  if (!Number.isSafeInteger(state.generation) || state.generation < 1) return 'generation is not a whole number from 1';
  if (!Array.isArray(state.slots) || state.slots.length > SLOTS_MAX)
    return `slots is not a list of at most ${SLOTS_MAX}`;
  for (const slot of state.slots) {
    const mistake = mistakeInSlot(slot);
    if (mistake !== null) return `slot ${String(slot.id)}: ${mistake}`;
  }
  if (new Set(state.slots.map((slot) => slot.id)).size !== state.slots.length) return 'two slots have the same id';
  const total = state.slots.reduce((sum, slot) => sum + slot.weight, 0);
  if (state.slots.length > 0 && Math.abs(total - 100) > WEIGHT_TOLERANCE)
    return `weights add up to ${total}, not to 100`;
  return null;
}

function mistakeInSlot(slot: Slot): string | null {
  if (typeof slot.id !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(slot.id))
    return 'id is not 1 to 200 visible ASCII characters';
  if (typeof slot.release !== 'string' || typeof slot.version !== 'string') return 'release or version is not a text';
  if (typeof slot.host !== 'string' || (isIP(slot.host) === 0 && !/^[A-Za-z0-9.-]{1,253}$/.test(slot.host)))
    return 'host is neither an address nor a name';
  if (!Number.isInteger(slot.port) || slot.port < 1 || slot.port > 65_535) return 'port is not 1 to 65535';
  if (typeof slot.weight !== 'number' || !(slot.weight >= 0 && slot.weight <= 100)) return 'weight is not 0 to 100';
  return null;
}

/** Whether a wanted state is to be applied, given the one that holds. */
export function compareStates(current: RouterState, wanted: RouterState): 'newer' | 'same' | 'older' | 'conflict' {
  if (wanted.generation > current.generation) return 'newer';
  if (wanted.generation < current.generation) return 'older';
  return contentOf(current) === contentOf(wanted) ? 'same' : 'conflict';
}

/** The slots as a text that is equal exactly when they mean the same; their order means nothing. */
function contentOf(state: RouterState): string {
  const rows = state.slots.map((slot) => [slot.id, slot.release, slot.version, slot.host, slot.port, slot.weight]);
  return JSON.stringify(rows.map((row) => JSON.stringify(row)).toSorted());
}

/** A stored state read back from its file; null when the text is not one. */
export function parseStoredState(text: string): StoredState | null {
  try {
    const value = JSON.parse(text) as StoredState;
    if (typeof value.probeKey !== 'string' || value.probeKey.length < 16) return null;
    if (value.generation === 0 && value.slots.length === 0) return value;
    return mistakeIn(value) === null ? value : null;
  } catch {
    return null;
  }
}
