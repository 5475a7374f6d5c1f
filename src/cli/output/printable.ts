import { stripVTControlCharacters } from 'node:util';

/**
 * Text that may come from a program or a person, made safe for a terminal: no escape sequences, no control characters, one line.
 * Otherwise a line of a deploy command could move the cursor, or retitle the window, of whoever watches.
 */
export function printable(text: string): string {
  return (
    stripVTControlCharacters(text)
      .replace(/[\r\n\t]+/g, ' ')
      // C0 and C1 controls, and the marks that turn the direction of writing around.
      .replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
  );
}

/** Like `printable`, and at most so many columns; the end is cut and marked. */
export function shortened(text: string, columns: number): string {
  const plain = printable(text);
  return plain.length <= columns ? plain : `${plain.slice(0, Math.max(0, columns - 3))}...`;
}
