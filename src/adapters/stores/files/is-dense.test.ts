import { randomBytes } from 'node:crypto';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { isDense } from './is-dense.ts';

const WORDS = Array.from({ length: 40_000 }, (_, index) => `entry ${index * 7919} of the book`).join('\n');

describe('a piece of a file', () => {
  it.each([
    ['random bytes', randomBytes(100_000)],
    ['what gzip has packed', gzipSync(WORDS)],
    ['what brotli has packed', brotliCompressSync(WORDS)],
  ])('is dense: %s', (_what, content) => {
    expect(isDense(content)).toBe(true);
  });

  it.each([
    ['text', Buffer.from(WORDS)],
    ['zeros', Buffer.alloc(100_000)],
    ['random bytes in base64', Buffer.from(randomBytes(100_000).toString('base64'))],
    ['numbers of four bytes', Buffer.from(Uint32Array.from({ length: 25_000 }, (_, index) => index * 31).buffer)],
    ['half text and half random bytes', Buffer.concat([Buffer.from(WORDS).subarray(0, 50_000), randomBytes(50_000)])],
    ['too little to tell', randomBytes(1000)],
    ['nothing', Buffer.alloc(0)],
  ])('is not: %s', (_what, content) => {
    expect(isDense(content)).toBe(false);
  });
});
