import type { Agent } from 'node:http';
import type { Slot } from '../router.ts';
import { createSlotAgent } from './slot-connection.ts';
import type { StoredState } from './stored-state.ts';

/** Something in flight on a slot: a request until its answer is sent, a WebSocket until it is closed. */
export interface Exchange {
  /** Ends it now; called when the slot is cut. */
  cut(): void;
  /** Where it stands in the list of its slot; -1 when it is not in flight. Kept by the table. */
  place: number;
}

export interface SlotEntry {
  slot: Slot;
  target: { protocol: 'http:'; host: string; port: number };
  agent: Agent;
  /** In no order. An array, because a set that grows and shrinks with every request makes a tenth of all work for the collector. */
  inFlight: Exchange[];
}

export interface SlotTable {
  readonly generation: number;
  readonly probeKey: string;
  apply(state: StoredState): void;
  /** The slot for a request that falls on `share` (0 up to 1) of the traffic; null when no slot has weight. */
  choose(share: () => number, except: SlotEntry | null): SlotEntry | null;
  begin(entry: SlotEntry, exchange: Exchange): void;
  /** Harmless when done twice. */
  end(entry: SlotEntry, exchange: Exchange): void;
  inFlight(): Record<string, number>;
  cut(slotId: string): void;
  cutAll(): void;
}

function createEntry(slot: Slot): SlotEntry {
  const target = { protocol: 'http:' as const, host: slot.host, port: slot.port };
  return { slot, target, agent: createSlotAgent(target), inFlight: [] };
}

/** The slots of one worker: which of them gets the next request, and what is in flight on each. */
export function createSlotTable(): SlotTable {
  let state: StoredState = { generation: 0, slots: [], probeKey: '' };
  let entries = new Map<string, SlotEntry>();
  let active: SlotEntry[] = [];
  const leaving = new Set<SlotEntry>(); // no longer wanted, or at another address now, but still answering

  const all = (): SlotEntry[] => [...entries.values(), ...leaving];
  const retire = (entry: SlotEntry): void => {
    if (entry.inFlight.length === 0) return entry.agent.destroy();
    leaving.add(entry);
  };
  const cut = (entry: SlotEntry): void => {
    for (const exchange of entry.inFlight.slice()) exchange.cut();
  };
  return {
    get generation() {
      return state.generation;
    },
    get probeKey() {
      return state.probeKey;
    },
    apply(next) {
      const kept = new Map(next.slots.map((slot) => [slot.id, updateEntry(entries.get(slot.id), slot)]));
      for (const entry of entries.values()) if (kept.get(entry.slot.id) !== entry) retire(entry);
      entries = kept;
      active = [...kept.values()].filter((entry) => entry.slot.weight > 0);
      state = next;
    },
    choose(share, except) {
      const only = active[0];
      if (active.length === 1 && only !== undefined) return only === except ? null : only;
      return chooseByWeight(except === null ? active : active.filter((entry) => entry !== except), share);
    },
    begin: (entry, exchange) => void (exchange.place = entry.inFlight.push(exchange) - 1),
    end(entry, exchange) {
      if (!takeOut(entry.inFlight, exchange) || entry.inFlight.length > 0 || !leaving.delete(entry)) return;
      entry.agent.destroy();
    },
    inFlight() {
      const counts: Record<string, number> = {};
      for (const entry of all()) counts[entry.slot.id] = (counts[entry.slot.id] ?? 0) + entry.inFlight.length;
      return counts;
    },
    cut: (slotId) =>
      all()
        .filter((entry) => entry.slot.id === slotId)
        .forEach(cut),
    cutAll: () => all().forEach(cut),
  };
}

/** The last one takes the free place. False when the exchange was not in the list. */
function takeOut(list: Exchange[], exchange: Exchange): boolean {
  if (list[exchange.place] !== exchange) return false;
  const last = list.pop();
  if (last !== undefined && last !== exchange) {
    list[exchange.place] = last;
    last.place = exchange.place;
  }
  exchange.place = -1;
  return true;
}

function updateEntry(entry: SlotEntry | undefined, slot: Slot): SlotEntry {
  if (entry === undefined || entry.slot.host !== slot.host || entry.slot.port !== slot.port) return createEntry(slot);
  entry.slot = slot;
  return entry;
}

function chooseByWeight(candidates: SlotEntry[], share: () => number): SlotEntry | null {
  let rest = share() * candidates.reduce((sum, entry) => sum + entry.slot.weight, 0);
  for (const entry of candidates) {
    rest -= entry.slot.weight;
    if (rest < 0) return entry;
  }
  return candidates.at(-1) ?? null;
}
