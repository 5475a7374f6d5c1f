import { realClock } from '../platform/clock.ts';
import { joinServer } from './embedded-postgres.ts';
import type { Membership, ServerAddress } from './embedded-postgres.ts';

/** A stay at the built-in server that renews itself: when the server dies, it is brought back at once. */
export interface Stay {
  address: ServerAddress;
  /** Resolves as soon as the server is there; rejects with the reason when it was tried in vain just now. */
  ready(): Promise<void>;
  onLost(tell: () => void): void;
  leave(): Promise<void>;
}

const RETRY_MS = 1000; // a disk that is full stays so for a while; each try costs a start of the server program

/** Joins the project's server and stays until `leave`. */
export async function stayAtServer(stateDirectory: string, applicationName: string): Promise<Stay> {
  const join = (): Promise<Membership> => joinServer(stateDirectory, applicationName);
  const listeners: (() => void)[] = [];
  const leaving = new AbortController();
  let membership = await join();
  let ready: Promise<void> = Promise.resolve();
  const { address } = membership;

  const renew = async (): Promise<void> => {
    membership = await join();
    if (leaving.signal.aborted) await membership.leave();
    else watch();
  };
  const keepRenewing = async (): Promise<void> => {
    while (!leaving.signal.aborted) {
      ready = renew();
      if (
        await ready.then(
          () => true,
          () => false,
        )
      )
        return;
      await realClock.sleep(RETRY_MS, leaving.signal).catch(() => undefined);
    }
  };
  const watch = (): void => {
    void membership.lost.then(() => {
      if (leaving.signal.aborted) return;
      void keepRenewing();
      listeners.forEach((tell) => tell());
    });
  };
  watch();
  return {
    address,
    ready: () => ready,
    onLost: (tell) => void listeners.push(tell),
    leave: async () => {
      leaving.abort();
      await ready.catch(() => undefined);
      await membership.leave();
    },
  };
}
