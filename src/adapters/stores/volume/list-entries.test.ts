import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Header, type HeaderData } from 'tar';
import { createEntryList, type VolumeEntry } from './list-entries.ts';
import { requireSafe } from './volume-entries.ts';

const END = Buffer.alloc(1024);

function header(data: HeaderData): Buffer {
  const made = new Header({ mode: 0o644, uid: 0, gid: 0, size: 0, mtime: new Date(0), ...data });
  made.encode();
  return made.block ?? Buffer.alloc(0);
}

function read(...parts: Buffer[]): VolumeEntry[] {
  const reader = createEntryList('v');
  for (const part of parts) reader.write(part);
  return reader.end();
}

const root = header({ path: 'v/', type: 'Directory' });
const file = (path: string): Buffer => header({ path, type: 'File' });
const check = (...parts: Buffer[]): void => requireSafe(read(root, ...parts, END), 'volume.tar');

describe('the archive of a volume', () => {
  it.each<[string, Buffer[], RegExp]>([
    ['a name that climbs out', [file('v/../evil')], /leads out of the volume/],
    ['an absolute name', [file('/etc/passwd')], /leads out of the volume/],
    ['a name beside the volume', [file('other/x')], /leads out of the volume/],
    [
      'an entry below a link',
      [header({ path: 'v/l', type: 'SymbolicLink', linkpath: '/etc' }), file('v/l/passwd')],
      /lies below a link/,
    ],
    ['an entry below a file', [file('v/f'), file('v/f/x')], /lies below a file/],
    ['an entry without its folder', [file('v/d/x')], /a folder that is missing/],
    ['an entry twice', [file('v/f'), file('v/f')], /is in it twice/],
    [
      'a second name of something outside',
      [header({ path: 'v/h', type: 'Link', linkpath: '/etc/shadow' })],
      /leads out of the volume/,
    ],
    ['a second name of nothing', [header({ path: 'v/h', type: 'Link', linkpath: 'v/none' })], /no file before it/],
    ['a device', [header({ path: 'v/sda', type: 'BlockDevice' })], /is a device/],
  ])('with %s is refused', (_, parts, message) => {
    expect(() => check(...parts)).toThrow(message);
  });

  it('that does not begin with the volume is refused', () => {
    expect(() => requireSafe(read(file('v/f'), END), 'x')).toThrow('does not begin with the volume');
  });

  it('that lost its end, or a byte of a header, is not whole', () => {
    const damaged = Buffer.from(root);
    damaged.writeUInt8((damaged[100] ?? 0) ^ 1, 100);
    expect(() => read(root)).toThrow('cut off');
    expect(() => read(root, Buffer.alloc(512))).toThrow('cut off');
    expect(() => read(root.subarray(0, 300))).toThrow('cut off');
    expect(() => read(damaged, END)).toThrow('damaged');
    expect(() => read(root, Buffer.alloc(512), root, END)).toThrow('behind an empty block');
  });
});

describe('an archive of the tar of the system', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shipway-tar-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is read the same in pieces of any size', () => {
    const long = 'l'.repeat(120);
    mkdirSync(join(folder, 'v', long), { recursive: true });
    writeFileSync(join(folder, 'v', long, 'f'.repeat(150)), 'x'.repeat(1500));
    writeFileSync(join(folder, 'v/empty'), '');
    symlinkSync(`${long}/elsewhere`, join(folder, 'v/link'));
    execFileSync('tar', ['--format=pax', '--sort=name', '-C', folder, '-cf', join(folder, 'a.tar'), 'v']);
    const archive = readFileSync(join(folder, 'a.tar'));
    const whole = read(archive);
    expect(whole.map(({ path, type }) => [type, path])).toEqual([
      ['directory', '.'],
      ['file', 'empty'],
      ['link', 'link'],
      ['directory', long],
      ['file', `${long}/${'f'.repeat(150)}`],
    ]);
    for (const size of [1, 7, 511, 513, 4000]) {
      const pieces = [];
      for (let at = 0; at < archive.length; at += size) pieces.push(archive.subarray(at, at + size));
      expect(read(...pieces), `pieces of ${size}`).toEqual(whole);
    }
  });
});
