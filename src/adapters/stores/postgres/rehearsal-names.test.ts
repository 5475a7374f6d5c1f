import { expect, test } from 'vitest';
import { nameOfNowhere, nameOfRehearsal, rehearsalOfName, urlOf } from './rehearsal-names.ts';

const ID = 'abcdefgh23';

test('the databases of a rehearsal are found again by their names, and no other one is', () => {
  for (const live of ['shop', 'x'.repeat(63), 'läden'.repeat(12)]) {
    const names = [nameOfRehearsal(live, ID), nameOfNowhere(live, ID)];
    expect(names.map((name) => rehearsalOfName(name, live))).toEqual([ID, ID]);
    expect(Math.max(...names.map((name) => Buffer.byteLength(name)))).toBeLessThanOrEqual(63);
  }
  for (const name of [
    'shop',
    'shop__rehearsal_',
    'shop__rehearsal_ABCDEFGH23',
    'shop__restore_abcdefgh23',
    `shop2__rehearsal_${ID}`,
  ])
    expect(rehearsalOfName(name, 'shop')).toBeNull();
  const [one, other] = ['x'.repeat(62) + '1', 'x'.repeat(62) + '2'];
  expect(rehearsalOfName(nameOfRehearsal(one, ID), other)).toBeNull();
});

test('the address of the scratch is that of the release file with another database', () => {
  const written = 'postgresql://shop:p%40ss@db.example:5433/shop?sslmode=require';
  expect(urlOf(written, { database: 'shop' }, 'a b')).toBe(
    'postgresql://shop:p%40ss@db.example:5433/a%20b?sslmode=require',
  );
  const socket = 'postgresql:///shop?host=%2Frun%2Fpg&user=postgres';
  expect(urlOf(socket, { database: 'shop' }, 'other')).toBe('postgresql:///other?host=%2Frun%2Fpg&user=postgres');
});
