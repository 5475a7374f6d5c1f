import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keepNewest, readRecord, writeRecord, type RecordPlace } from './sealed-record.ts';

let directory: string;
let place: RecordPlace;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'shipway-record-'));
  place = { folder: join(directory, 'environments'), keyFolder: join(directory, 'keys') };
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const SECRET = Buffer.from('API_TOKEN=Sent1nel-9f8e7d6c');

test('a record is read again as it was written, and lies there encrypted, for this user alone', async () => {
  await Promise.all([writeRecord(place, 'a', SECRET), writeRecord(place, 'b', SECRET)]);
  expect(await readRecord(place, 'a')).toEqual(SECRET);
  expect(await readRecord(place, 'b')).toEqual(SECRET);
  const path = join(place.folder, 'a');
  expect(readFileSync(path, 'latin1')).not.toContain('Sent1nel');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(place.keyFolder)).toEqual(['records.key']);
  expect(statSync(join(place.keyFolder, 'records.key')).mode & 0o777).toBe(0o600);
});

test.each([
  ['was changed', (bytes: Buffer) => bytes.writeUInt8((bytes[20] ?? 0) ^ 1, 20)],
  ['was cut off', (bytes: Buffer) => bytes.subarray(0, 10)],
])('one that %s is none', async (_, spoil) => {
  await writeRecord(place, 'a', SECRET);
  const bytes = readFileSync(join(place.folder, 'a'));
  const spoilt = spoil(bytes);
  writeFileSync(join(place.folder, 'a'), typeof spoilt === 'number' ? bytes : spoilt);
  expect(await readRecord(place, 'a')).toBeNull();
});

test('one under another name, without its key, or that is not there is none', async () => {
  await writeRecord(place, 'a', SECRET);
  writeFileSync(join(place.folder, 'b'), readFileSync(join(place.folder, 'a')));
  expect(await readRecord(place, 'b')).toBeNull();
  expect(await readRecord(place, 'c')).toBeNull();
  rmSync(place.keyFolder, { recursive: true });
  expect(await readRecord(place, 'a')).toBeNull();
});

test('only the newest of a beginning are kept', async () => {
  for (const [at, name] of ['shop_r-1', 'shop_r-2', 'shop_r-3', 'other_r-1'].entries()) {
    await writeRecord(place, name, SECRET);
    utimesSync(join(place.folder, name), 1000 + at, 1000 + at);
  }
  await keepNewest(place, 'shop_', 2);
  expect(readdirSync(place.folder).sort()).toEqual(['other_r-1', 'shop_r-2', 'shop_r-3']);
});
