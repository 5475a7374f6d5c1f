import { expect, test } from 'vitest';
import type { Pin, Sealed, Vault } from '../adapters/vaults/index.ts';
import { formatBackupId } from '../core/backup/backup-id.ts';
import { problem } from '../core/release/problem.ts';
import { isSuspicious } from './is-suspicious.ts';

const OF = { service: 'shop', environment: 'production' };

/** The backup of a day, with so many bytes of live data; null: its manifest cannot be trusted. */
type Day = { bytes: number | null; suspicious?: boolean; pinned?: boolean; store?: string };

const idOf = (day: number): string =>
  formatBackupId({ ...OF, takenAtMs: Date.UTC(2026, 10, 1 + day), reason: 'daily', random: 'aaaaaa' });

function sealedOf(day: number, { bytes, store = 'database' }: Day): Sealed {
  const stores = [{ name: store, capture: { liveBytes: bytes } }];
  return { manifest: { id: idOf(day), ...OF, stores }, manifestSha256: '' } as unknown as Sealed;
}

/** Asks about the last of these days; and how many manifests of the others were read. */
async function ask(...days: Day[]): Promise<[boolean, number]> {
  let read = 0;
  const last = days.length - 1;
  const vault: Pick<Vault, 'ids' | 'show' | 'pins'> = {
    ids: () => Promise.resolve(days.map((_, day) => idOf(day))),
    pins: () => Promise.resolve(days.flatMap(({ pinned }, day) => (pinned === true ? [{ id: idOf(day) } as Pin] : []))),
    show: async (id) => {
      read += 1;
      const day = days.findIndex((_, at) => idOf(at) === id);
      const found = days[day];
      if (found === undefined || found.bytes === null) throw problem('backup-invalid', 'torn', { next: '' });
      return sealedOf(day, found);
    },
  };
  const records = new Map(days.map(({ suspicious = false }, day) => [idOf(day), { suspicious }]));
  return [await isSuspicious(vault, records, sealedOf(last, days[last] as Day)), read];
}

test('a backup with less than half of the data of the one before it is suspicious; only that one is read', async () => {
  expect(await ask({ bytes: 1 }, { bytes: 100 }, { bytes: 40 })).toEqual([true, 1]);
  expect(await ask({ bytes: 1 }, { bytes: 100 }, { bytes: 50 })).toEqual([false, 1]);
  expect(await ask({ bytes: 5 })).toEqual([false, 0]);
});

test('an emptied table is suspicious on the second day too, until a person has looked and pinned the first', async () => {
  expect(await ask({ bytes: 100 }, { bytes: 4, suspicious: true }, { bytes: 4 })).toEqual([true, 1]);
  expect(await ask({ bytes: 100 }, { bytes: 4, suspicious: true, pinned: true }, { bytes: 4 })).toEqual([false, 1]);
});

test('what cannot be trusted, or holds other stores, is passed over', async () => {
  expect(await ask({ bytes: 100 }, { bytes: 4, store: 'uploads' }, { bytes: null }, { bytes: 4 })).toEqual([true, 3]);
});
