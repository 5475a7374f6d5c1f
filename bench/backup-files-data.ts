// The data of bench/backup-files.ts: the same bytes in every run. Half of it cannot be packed, as pictures and films cannot.
import { appendFileSync, closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';

const KIB = 1024;
const MIB = 1024 * KIB;
const FULL_MIB = 1024; // the counts below are for so many MiB
const ROWS_CHANGED = 8000;

/** A stream of numbers that is the same for the same seed (xorshift32). */
function numbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1; // neighbouring seeds begin far from each other
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function noise(next: () => number, bytes: number): Buffer {
  const content = Buffer.allocUnsafe(Math.ceil(bytes / 4) * 4);
  for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(Math.floor(next() * 2 ** 32), at);
  return content.subarray(0, bytes);
}

const WORDS = Array.from({ length: 4000 }, (_, index) => {
  const next = numbers(index * 7919 + 17);
  return Array.from(
    { length: 2 + Math.floor(next() * 9) },
    () => 'etaoinshrdlucmfwypvbgkjqxz'[Math.floor(next() ** 2 * 26)],
  ).join('');
});

function words(next: () => number, bytes: number): string {
  const found: string[] = [];
  for (let length = 0; length < bytes;) {
    const word = WORDS[Math.floor(next() ** 3 * WORDS.length)] ?? '';
    found.push(word);
    length += word.length + 1;
  }
  return found.join(' ');
}

function json(next: () => number, bytes: number): string {
  const rows: object[] = [];
  for (let length = 0; length < bytes; length += 230) {
    const id = Math.floor(next() * 1e9);
    rows.push({
      id,
      name: words(next, 24),
      score: next(),
      active: next() > 0.5,
      tags: [words(next, 8)],
      note: words(next, 90),
    });
  }
  return JSON.stringify(rows, null, 1);
}

function log(next: () => number, bytes: number): string {
  const lines: string[] = [];
  for (let length = 0, at = 1_790_000_000; length < bytes; at += 1) {
    const line = `${at}.${Math.floor(next() * 1e6)} INFO request id=${Math.floor(next() * 1e12).toString(16)} path=/${words(next, 18)} ms=${Math.floor(next() * 900)}`;
    lines.push(line);
    length += line.length + 1;
  }
  return `${lines.join('\n')}\n`;
}

type Kind = 'text' | 'json' | 'image';

function writeOne(folder: string, kind: Kind, number: number, seed: number): void {
  const next = numbers(seed);
  const place = join(folder, kind, String(number % 40));
  mkdirSync(place, { recursive: true });
  const file = join(place, `${number}.${kind === 'image' ? 'jpg' : kind === 'json' ? 'json' : 'txt'}`);
  const size = (average: number): number => Math.floor(average * (0.25 + 1.5 * next()));
  if (kind === 'image') writeFileSync(file, noise(next, size(400 * KIB)));
  else writeFileSync(file, kind === 'json' ? json(next, size(40 * KIB)) : words(next, size(40 * KIB)));
}

/** Writes about so many MiB of files. */
export function writeData(folder: string, mib: number): void {
  const share = mib / FULL_MIB;
  const counts: Record<Kind, number> = { text: 2500 * share, json: 3000 * share, image: 850 * share };
  for (const kind of ['text', 'json', 'image'] as const) {
    for (let number = 0; number < counts[kind]; number += 1) writeOne(folder, kind, number, number * 31 + kind.length);
  }
  mkdirSync(join(folder, 'log'), { recursive: true });
  for (let number = 0; number < 4; number += 1)
    writeParts(join(folder, 'log', `${number}.log`), 40 * share, (part) => log(numbers(part * 13 + number), MIB));
  mkdirSync(join(folder, 'film'), { recursive: true });
  for (let number = 0; number < 10; number += 1)
    writeParts(join(folder, 'film', `${number}.mp4`), 20 * share, (part) =>
      noise(numbers(part * 101 + number * 7), MIB),
    );
  writeDatabase(join(folder, 'app.db'), Math.floor(500_000 * share));
}

function writeParts(path: string, mib: number, part: (number: number) => string | Buffer): void {
  const file = openSync(path, 'w');
  for (let number = 0; number < mib; number += 1) writeSync(file, Buffer.from(part(number)));
  closeSync(file);
}

function writeDatabase(path: string, rows: number): void {
  const next = numbers(4711);
  const database = new Database(path);
  database.exec('CREATE TABLE entries(id INTEGER PRIMARY KEY, owner INTEGER, title TEXT, body TEXT, at INTEGER)');
  const insert = database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?)');
  database.exec('BEGIN');
  for (let id = 1; id <= rows; id += 1)
    insert.run(id, Math.floor(next() * 9000), words(next, 30), words(next, 140), id);
  database.exec('COMMIT');
  database.close();
}

/** One percent of the data, another one for every round: a log grows, 30 files are replaced, the newest rows change, files are added. */
export function changeData(folder: string, mib: number, round: number): void {
  const share = mib / FULL_MIB;
  const seed = 1_000_003 * round;
  appendFileSync(join(folder, 'log', '0.log'), log(numbers(seed), 4 * MIB * share));
  const replaced = (kind: Kind, count: number): void => {
    for (let number = 0; number < count * share; number += 1)
      writeOne(folder, kind, (round * 37 + number * 11) % Math.floor(820 * share), seed + number);
  };
  replaced('text', 10);
  replaced('json', 10);
  replaced('image', 10);
  for (let number = 0; number < 8 * share; number += 1)
    writeOne(folder, 'image', 100_000 + round * 100 + number, seed + 500 + number);
  const database = new Database(join(folder, 'app.db'));
  const rows = Math.floor(ROWS_CHANGED * share);
  database.exec(
    `UPDATE entries SET owner = (owner + ${round}) % 9000, at = at + 1 WHERE id > (SELECT max(id) FROM entries) - ${rows}`,
  );
  database.close();
}
