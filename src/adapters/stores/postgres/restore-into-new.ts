import { problem } from '../../../core/release/problem.ts';
import { gap } from '../../../platform/gap.ts';
import { describeAddress, parseAddress, type Address } from './address.ts';
import { quoteName, withControl, type Session } from './session.ts';
import { dropDatabase, extractDatabase, hasDatabase, type Restore } from './stage-database.ts';

const FAILURE = { kind: 'restore-failed', what: 'the new database cannot be made' } as const;
const SUFFIX = '__shipway_half';
const NAME_MAX_BYTES = 63; // of PostgreSQL; longer names are cut, and two of them may become one

/**
 * Restores into a new database at an address that a person gave, on this server or another one. It has its name only when it is whole and
 * was compared with the capture: what a killed run left is called otherwise, and goes with the next one.
 */
export async function restoreIntoNew(restore: Restore, url: string): Promise<{ place: string }> {
  const live = restore.tools;
  const given = parseNew(url);
  const isBeside = isSameServer(given, live.address);
  const address = isBeside ? withUserOf(live.address, given) : given;
  const tools = { address, through: isBeside ? live.through : [] };
  const { effect } = restore;
  const name = address.database;
  const half = `${name}${SUFFIX}`;
  const place = describeAddress(address);
  await withControl({ address, effect, failure: FAILURE }, async (control) => {
    await refuseExisting(control, name, place);
    await dropDatabase(control, half, describeAddress(address, half));
  });
  await extractDatabase({ ...restore, tools }, half);
  await gap('stores.postgres.into-filled');
  await withControl({ address, effect, failure: FAILURE }, async (control) => {
    await refuseExisting(control, name, place);
    await control.query(`ALTER DATABASE ${quoteName(half)} RENAME TO ${quoteName(name)}`);
  });
  return { place };
}

function parseNew(url: string): Address {
  const address = parseAddress(url);
  if (Buffer.byteLength(`${address.database}${SUFFIX}`) <= NAME_MAX_BYTES) return address;
  throw problem('usage', `the name of the database is too long: ${address.database}`, {
    next: `Give one of at most ${NAME_MAX_BYTES - SUFFIX.length} bytes.`,
  });
}

async function refuseExisting(control: Session, name: string, where: string): Promise<void> {
  if (!(await hasDatabase(control, name))) return;
  throw problem('refused', `there is a database ${name} already`, {
    where,
    next: 'Give the name of a database that does not exist yet.',
  });
}

/** On the server of the store, whoever names only the database means the same user: a password has no place in a command line. */
function withUserOf(live: Address, given: Address): Address {
  if (given.password !== null || (given.user !== null && given.user !== live.user)) return given;
  return { ...given, user: live.user, password: live.password };
}

function isSameServer(one: Address, other: Address): boolean {
  return one.host === other.host && (one.port ?? '5432') === (other.port ?? '5432');
}
