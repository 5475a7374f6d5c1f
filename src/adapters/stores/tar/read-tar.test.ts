import { describe, expect, it } from 'vitest';
import { Header, type HeaderData } from 'tar';
import { createTarReader, type TarEvent } from './read-tar.ts';

const END = Buffer.alloc(1024);

function header(data: HeaderData): Buffer {
  const made = new Header({
    path: 'f',
    type: 'File',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: new Date(0),
    ...data,
  });
  made.encode();
  return made.block ?? Buffer.alloc(0);
}

const filled = (text: string | Buffer): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
};

function records(...lines: Buffer[]): Buffer {
  const text = Buffer.concat(lines);
  const block = header({ path: 'x', size: text.length });
  block.writeUInt8('x'.charCodeAt(0), 156);
  return Buffer.concat([summed(block), filled(text)]);
}

function summed(block: Buffer): Buffer {
  block.write('        ', 148, 'latin1');
  const sum = block.reduce((all, byte) => all + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function read(...parts: Buffer[]): TarEvent[] {
  const reader = createTarReader();
  const events = parts.flatMap((part) => [...reader.read(part)]);
  reader.end();
  return events;
}

describe('a reader of tar', () => {
  it('gives out a file with its content in the pieces that come', () => {
    const [open, ...others] = read(header({ size: 5 }), Buffer.from('abc'), Buffer.from('de'), Buffer.alloc(507), END);
    expect(open).toMatchObject({ what: 'open', entry: { kind: '0', name: Buffer.from('f'), bytes: 5, mode: 0o644 } });
    const data = (text: string): TarEvent => ({ what: 'data', piece: Buffer.from(text) });
    expect(others).toEqual([data('abc'), data('de'), { what: 'close' }]);
  });

  it('keeps names and attributes that are no text, for the entry that follows alone', () => {
    const value = Buffer.from([1, 0x0a, 0, 0xff]);
    const name = Buffer.concat([Buffer.from('10 path='), Buffer.from([0xff, 0x0a])]);
    const attribute = Buffer.concat([Buffer.from('00 SCHILY.xattr.a.b='), value, Buffer.from('\n')]);
    attribute.write(String(attribute.length), 0, 'latin1');
    const [first, , second] = read(records(name, attribute), header({}), header({}), END);
    const entry = {
      name: Buffer.from([0xff]),
      extended: new Map([
        ['path', Buffer.from([0xff])],
        ['SCHILY.xattr.a.b', value],
      ]),
    };
    expect(first).toMatchObject({ what: 'open', entry });
    expect(second).toMatchObject({ what: 'open', entry: { name: Buffer.from('f'), extended: new Map() } });
  });

  it('knows files larger than octal digits can say', () => {
    const reader = createTarReader();
    const [open] = [...reader.read(header({ size: 9 * 1024 ** 3 }))];
    expect(open).toMatchObject({ entry: { bytes: 9 * 1024 ** 3 } });
    expect(() => reader.end()).toThrow('cut off');
  });

  it.each([
    ['a byte where a block is only filled', [header({ size: 1 }), Buffer.alloc(512, 1)], 'behind a file'],
    ['something behind its end', [END, header({})], 'behind an empty block'],
    ['records that are damaged', [records(Buffer.from('99 path=a\n'))], 'names of an entry are damaged'],
    [
      'records without end',
      [summed(header({ size: 2 * 1024 * 1024 }).fill('x', 156, 157))],
      'names of an entry are too long',
    ],
    ['a number that is none', [records(Buffer.from('10 size=a\n')), header({})], 'a number of an entry is damaged'],
    ['a header that was changed', [header({}).fill('g', 0, 1)], 'a header is damaged'],
  ])('refuses an archive with %s', (_what, parts, message) => {
    expect(() => read(...parts, END)).toThrow(message);
  });
});
