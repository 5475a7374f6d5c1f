import { fork } from 'node:child_process';

/** A process of ours that does work we do not want in this one, and ends with it. */
export interface ForkedProcess {
  /** Its answer. Throws what it threw (message and `code`), or that it ended. Asked one after the other. */
  ask(request: unknown): Promise<unknown>;
  /** A word that needs no answer; it is heard while a question is being worked on. */
  tell(word: unknown): void;
  /** Ends it and waits until it is gone: everything it held open is closed then. */
  close(): Promise<void>;
}

/** What goes over the channel; answer-parent.ts is the other end. */
export interface Question {
  ask?: unknown;
  tell?: unknown;
}
export interface Answer {
  value?: unknown;
  error?: { message: string; code: string };
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Starts the compiled program with an empty environment; nothing secret is in its command line. It takes about 60 ms to be there. */
export function forkProgram(program: string): ForkedProcess {
  const child = fork(program, [], {
    env: {},
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  let waiting: Waiting | null = null;
  let ending: string | null = null;
  const settle = (act: (one: Waiting) => void): void => {
    const one = waiting;
    waiting = null;
    if (one !== null) act(one);
  };
  const gone = new Promise<void>((resolve) => {
    const end = (how: string): void => {
      ending ??= how;
      settle((one) => one.reject(new Error(`the forked process ${ending}`)));
      resolve();
    };
    child.once('exit', (code, signal) => end(signal === null ? `ended with ${code}` : `was ended by ${signal}`));
    child.once('error', (error) => end(`could not be started: ${error.message}`));
  });
  child.on('message', (message) => {
    const answer = message as Answer;
    settle((one) => (answer.error === undefined ? one.resolve(answer.value) : one.reject(errorFrom(answer.error))));
  });
  const send = (question: Question): void => {
    if (child.connected) child.send(question, () => undefined); // that it could not be sent is seen at its end
  };
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        if (ending !== null) return reject(new Error(`the forked process ${ending}`));
        if (waiting !== null) return reject(new Error('the forked process is still at the question before'));
        waiting = { resolve, reject };
        send({ ask: request });
      }),
    tell: (word) => send({ tell: word }),
    close: async () => {
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}

function errorFrom(said: { message: string; code: string }): Error {
  return said.code === '' ? new Error(said.message) : Object.assign(new Error(said.message), { code: said.code });
}
