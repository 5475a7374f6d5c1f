import type { Terminal } from '../terminal.ts';
import { shortened } from './printable.ts';
import { styleFor, type Style } from './style.ts';

/** Where a command writes. Data and progress go to stdout, errors and what is said about the command itself to stderr. */
export interface Screen {
  style: Style;
  isJson: boolean;
  /** Whether a person sees stdout, and a line may be drawn again. */
  isLive: boolean;
  columns(): number;
  line: (text: string) => void;
  lines(texts: readonly string[]): void;
  /** Draws the line at the bottom again; null takes it away. Does nothing without a terminal. */
  live(text: string | null): void;
  note(text: string): void;
  /** One JSON document (or one line of NDJSON). */
  json(value: unknown, how?: 'document' | 'line'): void;
  /** Fires when nobody reads any more (`shipway history | head`). */
  closed: AbortSignal;
}

const CLEAR_LINE = '\r\u001b[2K';

export function createScreen(terminal: Terminal, wanted: { json: boolean; color: boolean }): Screen {
  const closed = closedSignal(terminal);
  const isLive = terminal.isTty.stdout && terminal.environment['TERM'] !== 'dumb' && !wanted.json;
  let drawn: string | null = null;
  const write = (stream: NodeJS.WritableStream, text: string): void => {
    if (!closed.aborted) stream.write(text);
  };
  const around = (stream: NodeJS.WritableStream, text: string): void => {
    // The live line is taken away, the new line stands where it was, and the live line follows it.
    if (drawn !== null) write(terminal.stdout, CLEAR_LINE);
    write(stream, `${text}\n`);
    if (drawn !== null) write(terminal.stdout, drawn);
  };
  const line = (text: string): void => around(terminal.stdout, text);
  return {
    style: styleFor(terminal, wanted),
    isJson: wanted.json,
    isLive,
    columns: () => terminal.columns(),
    line,
    lines: (texts) => texts.forEach(line),
    live(text) {
      if (!isLive) return;
      const next = text === null ? null : shortened(text, terminal.columns() - 1);
      if (next === drawn) return;
      if (drawn !== null || next !== null) write(terminal.stdout, CLEAR_LINE + (next ?? ''));
      drawn = next;
    },
    note: (text) => around(terminal.stderr, text),
    json: (value, how = 'document') =>
      write(terminal.stdout, `${how === 'line' ? JSON.stringify(value) : JSON.stringify(value, null, 2)}\n`),
    closed,
  };
}

/** A reader that went away is no error: without a listener Node would end with a stack trace. */
function closedSignal(terminal: Terminal): AbortSignal {
  const closed = new AbortController();
  for (const stream of [terminal.stdout, terminal.stderr]) {
    stream.on('error', (error: Error & { code?: string }) => {
      if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED' || error.code === 'EIO') closed.abort();
      else throw error;
    });
  }
  return closed.signal;
}
