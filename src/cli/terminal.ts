/** The streams of a process, as Node has them: whether a person sits at them is written on them. */
export interface Streams {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
  environment: Record<string, string | undefined>;
}

/** What the command line needs of the terminal; made of streams, so that tests have their own. */
export interface Terminal extends Streams {
  isTty: { stdin: boolean; stdout: boolean; stderr: boolean };
  /** Width of stdout now; 80 where nobody knows. */
  columns(): number;
  /** Calls back on each Ctrl-C instead of ending the process; returns how to stop that. */
  onInterrupt(tell: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): never;
}

/** The terminal on these streams; signals and the end are those of this process. */
export function terminalOn(streams: Streams): Terminal {
  const { stdin, stdout, stderr, environment } = streams;
  return {
    stdin,
    stdout,
    stderr,
    environment,
    isTty: { stdin: stdin.isTTY === true, stdout: stdout.isTTY === true, stderr: stderr.isTTY === true },
    columns: () => stdout.columns || 80, // a pseudo-terminal of CI may say 0
    onInterrupt(tell) {
      process.on('SIGINT', tell);
      return () => void process.off('SIGINT', tell);
    },
    exit: (code) => process.exit(code),
  };
}
