/** Bytes that came in pieces and are taken in others. What is taken lies in one buffer; it is copied only where it came in several. */
export interface ByteQueue {
  readonly length: number;
  push(bytes: Buffer): void;
  /** The first so many bytes, of which there have to be enough. */
  take(count: number): Buffer;
  /** The number that lies there, little-endian; at most six bytes of those that are there. */
  uint(at: number, bytes: number): number;
}

export function createByteQueue(): ByteQueue {
  const pieces: Buffer[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(bytes) {
      if (bytes.length > 0) pieces.push(bytes);
      length += bytes.length;
    },
    take(count) {
      length -= count;
      return takeFrom(pieces, count);
    },
    uint(at, bytes) {
      let number = 0;
      for (let index = bytes - 1; index >= 0; index -= 1) number = number * 256 + byteAt(pieces, at + index);
      return number;
    },
  };
}

function takeFrom(pieces: Buffer[], count: number): Buffer {
  const taken: Buffer[] = [];
  for (let left = count; left > 0;) {
    const first = pieces.shift();
    if (first === undefined) throw new RangeError(`${left} bytes are not there`);
    if (first.length > left) pieces.unshift(first.subarray(left));
    taken.push(first.subarray(0, left));
    left -= Math.min(left, first.length);
  }
  const [only, more] = taken;
  return only !== undefined && more === undefined ? only : Buffer.concat(taken);
}

function byteAt(pieces: readonly Buffer[], at: number): number {
  let before = 0;
  for (const piece of pieces) {
    if (at < before + piece.length) return piece.readUInt8(at - before);
    before += piece.length;
  }
  throw new RangeError(`byte ${at} is not there`);
}
