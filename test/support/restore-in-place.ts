import { stageRestore, swapRestore, type RestoreOrder } from '../../src/adapters/vaults/index.ts';

/** Puts stores of a backup in place of the live data, as a restore by hand does, without its questions and its journal. */
export async function restoreInPlace(order: RestoreOrder): Promise<void> {
  const end = await swapRestore(await stageRestore(order), order.stores, order.effect);
  if (end.state === 'failed') throw end.error;
}
