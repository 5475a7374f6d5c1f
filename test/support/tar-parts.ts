interface TarPart {
  name: string;
  from: number;
  to: number;
}

function partsOf(tar: Buffer): TarPart[] {
  const parts: TarPart[] = [];
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const text = (from: number, length: number): string =>
      tar.toString('latin1', at + from, at + from + length).split('\0')[0] ?? '';
    const bytes = Number.parseInt(text(124, 12), 8);
    const to = at + 512 + Math.ceil(bytes / 512) * 512;
    parts.push({ name: text(0, 100).replace(/^\.\//, ''), from: at, to });
    at = to;
  }
  return parts;
}

/** The archive without one file. */
export function without(tar: Buffer, name: string): Buffer {
  const part = partsOf(tar).find((one) => one.name === name);
  if (part === undefined) throw new Error(`${name} is not in it`);
  return Buffer.concat([tar.subarray(0, part.from), tar.subarray(part.to)]);
}

/** The first segment of the write-ahead log in a base backup. */
export function segmentIn(tar: Buffer): string {
  return partsOf(tar).find(({ name }) => /^pg_wal\/[0-9A-F]{24}$/.test(name))?.name ?? '';
}
