import { errorCode } from './error-code.ts';
import type { Answer, Question } from './forked-process.ts';

/**
 * The other end of forked-process.ts: answers one question after the other and hears words meanwhile. When the process that started us
 * closes the channel or dies, `leave` closes what is open, and this process ends.
 */
export function answerParent(
  answer: (request: unknown) => Promise<unknown>,
  hear: (word: unknown) => void,
  leave: () => void,
): void {
  // Ctrl-C in the terminal of whoever started us is not meant for us.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.once('disconnect', () => {
    leave();
    process.exit(0);
  });
  process.on('message', (message) => {
    const question = message as Question;
    if (question.tell !== undefined) return hear(question.tell);
    void answer(question.ask).then(
      (value) => reply({ value }),
      (error: unknown) => reply({ error: { message: errorText(error), code: errorCode(error) } }),
    );
  });
}

function reply(answer: Answer): void {
  if (process.connected) process.send?.(answer, undefined, undefined, () => undefined);
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
