import { dirname } from 'node:path';
import { removeTree, rename, syncDirectory } from '../../../platform/files.ts';
import { factsOf, hardLink } from '../../../platform/file-tree.ts';
import { gap } from '../../../platform/gap.ts';

/** One path of a store, and what shall change places there. */
export interface Exchange {
  live: string;
  /** What shall be at `live` afterwards; nothing lies there when `live` shall be empty. */
  incoming: string;
  /** Where the data now at `live` goes. */
  outgoing: string;
  /** Endings of files that belong to the one before them (`-wal`, `-journal`…) and may never meet another one. */
  companions: readonly string[];
}

/** Who is who, by device and inode. Written to the disk before the first rename, so that whoever comes after a crash can tell. */
export interface Identities {
  incoming: string | null;
  incomingCompanions: Record<string, string>;
  outgoing: string | null;
  outgoingCompanions: Record<string, string>;
}

/** Looks up who is who before the exchange begins. */
export async function identify(exchange: Exchange): Promise<Identities> {
  return {
    incoming: (await factsOf(exchange.incoming))?.identity ?? null,
    incomingCompanions: await companionsOf(exchange.incoming, exchange.companions),
    outgoing: (await factsOf(exchange.live))?.identity ?? null,
    outgoingCompanions: await companionsOf(exchange.live, exchange.companions),
  };
}

async function companionsOf(path: string, endings: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const ending of endings) {
    const facts = await factsOf(path + ending);
    if (facts) found[ending] = facts.identity;
  }
  return found;
}

/**
 * Carries out one exchange, or what is left of it. `gapName` names the places at which a crash test kills.
 * Every place between two effects is told from what lies where; the incoming file comes in last, so that its presence means done.
 */
export async function carryOut(exchange: Exchange, who: Identities, gapName: string): Promise<void> {
  const { live, incoming, outgoing } = exchange;
  const present = await factsOf(live);
  if (present !== null && present.identity === who.incoming) return;
  if (present !== null && present.identity === who.outgoing) {
    if (await mayReplaceAtOnce(exchange, who)) await linkAside(live, outgoing, present.identity);
    else await rename(live, outgoing);
  } else if (present !== null) {
    // Somebody made new data at the empty place after we were killed: it is nobody's to delete.
    await rename(live, await freeName(`${outgoing}.made-meanwhile`));
  }
  await gap(`${gapName}.aside`);
  await clearCompanions(exchange, who);
  await gap(`${gapName}.companions`);
  if (who.incoming === null) return;
  for (const ending of Object.keys(who.incomingCompanions)) {
    if ((await factsOf(incoming + ending)) !== null) await rename(incoming + ending, live + ending);
  }
  await rename(incoming, live);
  await gap(`${gapName}.in`);
}

/** A single file whose companions hold no data can be replaced by one rename: there is no moment without data at the live path. */
async function mayReplaceAtOnce(exchange: Exchange, who: Identities): Promise<boolean> {
  if (who.incoming === null || Object.keys(who.incomingCompanions).length > 0) return false;
  if ((await factsOf(exchange.live))?.type !== 'file' || (await factsOf(exchange.incoming))?.type !== 'file')
    return false;
  for (const ending of exchange.companions) {
    // -shm is an index that its owner rebuilds; it holds no data.
    if (ending !== '-shm' && ((await factsOf(exchange.live + ending))?.bytes ?? 0) > 0) return false;
  }
  return true;
}

async function linkAside(live: string, outgoing: string, identity: string): Promise<void> {
  const there = await factsOf(outgoing);
  if (there?.identity === identity) return;
  await hardLink(live, outgoing);
  await syncDirectory(dirname(outgoing));
}

/** No file that belongs to other data may stay beside the incoming one: a foreign -wal is replayed into it and destroys it. */
async function clearCompanions(exchange: Exchange, who: Identities): Promise<void> {
  for (const ending of exchange.companions) {
    const found = await factsOf(exchange.live + ending);
    if (found === null || found.identity === who.incomingCompanions[ending]) continue;
    const belongs =
      found.identity === who.outgoingCompanions[ending] || (await factsOf(exchange.outgoing + ending)) === null;
    const place = belongs ? exchange.outgoing + ending : await freeName(`${exchange.outgoing}.made-meanwhile${ending}`);
    await rename(exchange.live + ending, place);
  }
}

async function freeName(wanted: string): Promise<string> {
  // 1000: each needs a kill between the same two renames; more of them is not a crash but an attack.
  for (let count = 1; count < 1000; count += 1) {
    const name = count === 1 ? wanted : `${wanted}-${count}`;
    if ((await factsOf(name)) === null) return name;
  }
  throw new Error(`no free name beside ${wanted}`);
}

/** Deletes a file or tree with its companions. */
export async function removeWithCompanions(path: string, companions: readonly string[]): Promise<void> {
  for (const ending of companions) await removeTree(path + ending);
  await removeTree(path);
}
