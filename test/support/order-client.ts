/** What came of the orders that were sent, one after the other, as fast as they are answered. */
export interface OrderClient {
  /** Answered 201: they must be in the store. */
  taken: number[];
  /** Answered 503, with what `Retry-After` said. */
  refused: { id: number; retryAfter: string | null }[];
  /** Anything else. */
  strange: string[];
  stop(): Promise<void>;
}

const PAUSE_MS = 15; // the machine does other things too

/** Sends orders with ids that are counted up, until it is stopped. */
export function startOrders(url: string, firstId: number): OrderClient {
  const client = { taken: [] as number[], refused: [] as OrderClient['refused'], strange: [] as string[] };
  let isOver = false;
  const send = async (id: number): Promise<void> => {
    const answer = await fetch(`${url}/orders?id=${id}`, { method: 'POST', headers: { connection: 'close' } });
    const text = await answer.text();
    if (answer.status === 201) client.taken.push(id);
    else if (answer.status === 503) client.refused.push({ id, retryAfter: answer.headers.get('retry-after') });
    else client.strange.push(`${id}: ${answer.status} ${text}`);
  };
  const all = (async () => {
    for (let id = firstId; !isOver; id += 1) {
      await send(id).catch((error: unknown) => client.strange.push(`${id}: ${String(error)}`));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  })();
  return {
    ...client,
    async stop() {
      isOver = true;
      await all;
    },
  };
}
