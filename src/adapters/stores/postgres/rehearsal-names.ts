import type { Address } from './address.ts';
import { frontFor } from './database-names.ts';

const WORD = '__rehearsal_';
const NOWHERE = '_nowhere';
const ID_LENGTH = 10; // of randomId()

/** The scratch database of a rehearsal beside the live one. */
export function nameOfRehearsal(live: string, id: string): string {
  return `${frontOf(live)}${WORD}${id}`;
}

/** A name under which no database is ever made. */
export function nameOfNowhere(live: string, id: string): string {
  return `${nameOfRehearsal(live, id)}${NOWHERE}`;
}

/** The id of the rehearsal that a database belongs to; null for any other database. */
export function rehearsalOfName(name: string, live: string): string | null {
  const id = new RegExp(`${WORD}([a-z2-7]{${ID_LENGTH}})(?:${NOWHERE})?$`).exec(name)?.[1];
  return id !== undefined && name.startsWith(`${frontOf(live)}${WORD}`) ? id : null;
}

function frontOf(live: string): string {
  return frontFor(live, WORD.length + ID_LENGTH + NOWHERE.length);
}

/** The address as it is written, with another database: tools differ in what they read besides `user:password@host/database`. */
export function urlOf(written: string, address: Pick<Address, 'database'>, database: string): string {
  const url = new URL(written);
  if (decodeURIComponent(url.pathname.slice(1)) === address.database) url.pathname = `/${encodeURIComponent(database)}`;
  return url.href;
}
