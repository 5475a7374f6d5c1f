import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { createLineMasker } from './redact.ts';

export interface OutputCollector {
  /** Settles when the program and all its children have closed the stream. */
  ended: Promise<void>;
  /** How much has arrived. */
  bytes(): number;
  /** Stops reading and gives back the masked end of the output, starting at a whole line when it was cut. */
  finish(): string;
}

// A program that prints without line breaks must not fill the memory: its line is given out in pieces.
const LONGEST_LINE = 64 * 1024;

/** Reads a stream as text, masks it, hands every line out and keeps the last `limitBytes` of it. */
export function collectOutput(
  stream: Readable | null,
  limitBytes: number,
  onLine?: (line: string) => void,
): OutputCollector {
  const decoder = new StringDecoder('utf8');
  const masker = createLineMasker();
  const tail = createTail(limitBytes);
  let line = '';
  let received = 0;
  let isFinished = false;
  const give = (text: string): void => {
    tail.add(text);
    if (!onLine || text === '') return;
    const lines = (line + text).split('\n');
    line = lines.pop() ?? '';
    for (const whole of lines) onLine(whole.replace(/\r$/, ''));
    if (line.length > LONGEST_LINE) {
      onLine(line);
      line = '';
    }
  };
  stream?.on('data', (chunk: Buffer) => {
    if (isFinished) return;
    received += chunk.length;
    give(masker.push(decoder.write(chunk)));
  });
  return {
    ended: whenClosed(stream),
    bytes: () => received,
    finish() {
      isFinished = true;
      stream?.destroy();
      give(masker.push(decoder.end()) + masker.end());
      if (line !== '') onLine?.(line.replace(/\r$/, ''));
      return tail.text();
    },
  };
}

/** Hands every piece of a stream on as it is and keeps nothing. */
export function passOutput(stream: Readable | null, onOutput: (chunk: Buffer) => void): OutputCollector {
  let received = 0;
  let isFinished = false;
  stream?.on('data', (chunk: Buffer) => {
    if (isFinished) return;
    received += chunk.length;
    onOutput(chunk);
  });
  return {
    ended: whenClosed(stream),
    bytes: () => received,
    finish() {
      isFinished = true;
      stream?.destroy();
      return '';
    },
  };
}

function whenClosed(stream: Readable | null): Promise<void> {
  return new Promise<void>((resolve) => {
    if (!stream) return resolve();
    stream.once('close', resolve);
    stream.once('error', () => resolve());
  });
}

interface Tail {
  add(text: string): void;
  text(): string;
}

/** Keeps the last bytes of a text, in pieces, so that adding costs no copy of the whole. */
function createTail(limitBytes: number): Tail {
  const pieces: { text: string; bytes: number }[] = [];
  let bytes = 0;
  let isCut = false;
  return {
    add(text) {
      if (text === '') return;
      const size = Buffer.byteLength(text);
      pieces.push({ text, bytes: size });
      bytes += size;
      for (let first = pieces[0]; first && bytes - first.bytes >= limitBytes; first = pieces[0]) {
        bytes -= first.bytes;
        pieces.shift();
        isCut = true;
      }
    },
    text() {
      const all = Buffer.from(pieces.map((piece) => piece.text).join(''));
      if (!isCut && all.length <= limitBytes) return all.toString();
      const kept = all.subarray(Math.max(0, all.length - limitBytes)).toString();
      const lineEnd = kept.indexOf('\n');
      return lineEnd === -1 ? kept.replace(/^\uFFFD+/, '') : kept.slice(lineEnd + 1);
    },
  };
}
