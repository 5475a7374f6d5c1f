import type { Effect } from '../../platform/effect.ts';

export interface Slot {
  /** Id of the instance it leads to. */
  id: string;
  release: string;
  version: string;
  host: string;
  port: number;
  /** Share of new requests, 0..100; the weights of all slots add up to 100. */
  weight: number;
}

/** The whole desired state; there are no partial changes. */
export interface RouterState {
  /** Grows with every change; an older one is refused, the same one is a no-op. */
  generation: number;
  slots: Slot[];
}

export interface ObservedSlot extends Slot {
  /** Requests and WebSockets now being answered by it, over all workers. */
  inFlight: number;
}

/**
 * What sends traffic to instances. Its life is not shipway's: it goes on when shipway dies, and a new shipway finds it again.
 * `put` takes effect for the next request; success is what `probe` answers through the public port, not what the router echoes.
 */
export interface Router {
  readonly kind: string;
  /** Starts the router if it is not running (idempotent) and returns its public address. */
  ensureRunning(effect: Effect): Promise<{ host: string; port: number }>;
  /** null when the router is not running. Slots without weight that still answer requests are listed with weight 0. */
  observe(effect: Effect): Promise<{ generation: number; slots: ObservedSlot[] } | null>;
  put(state: RouterState, effect: Effect): Promise<void>;
  /** Waits until nothing is in flight on the slot; `timeout` after the limit. */
  drained(slotId: string, limitSeconds: number, effect: Effect): Promise<'drained' | 'timeout'>;
  /** Ends what is still in flight on the slot: HTTP with `Connection: close`, WebSockets with code 1012. */
  cut(slotId: string, effect: Effect): Promise<void>;
  /** Asks through the public port `count` times and returns the slot ids that answered. */
  probe(count: number, effect: Effect): Promise<string[]>;
  /** Stops the router process; only for tear-down and tests. */
  stop(effect: Effect): Promise<void>;
}
