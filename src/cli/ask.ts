import { problem } from '../core/release/problem.ts';
import type { CommonOptions, Session } from './session.ts';
import type { Terminal } from './terminal.ts';

/**
 * The one door to questions. `--yes` answers a confirmation (never an approval); a person at a terminal is asked; everybody else is
 * refused with exit code 3 and the flag to give. Throws `prompt-needed` unless the answer is yes.
 */
export async function confirm(session: Session, question: string): Promise<void> {
  const { options, terminal } = session;
  if (options.yes) return;
  const { isCI } = await import('ci-info');
  if (!mayAsk(terminal, options, isCI)) {
    throw problem('prompt-needed', `${question} Nobody can be asked here`, { next: 'Add --yes to answer with yes.' });
  }
  const { confirm: ask } = await import('@clack/prompts');
  const answer = await ask({ message: question, initialValue: false, output: process.stderr });
  if (answer === true) return;
  throw problem('prompt-needed', 'you said no; nothing was changed', { next: 'Run it again when you are sure.' });
}

/** A question is asked only where a person reads it and can answer: both ends are a terminal, no CI, not switched off. */
export function mayAsk(
  terminal: Pick<Terminal, 'isTty' | 'environment'>,
  options: Pick<CommonOptions, 'input' | 'json'>,
  isCi: boolean,
): boolean {
  const isPerson = terminal.isTty.stdin && terminal.isTty.stderr && terminal.environment['TERM'] !== 'dumb';
  return isPerson && options.input && !options.json && !isCi;
}
