import type { Loss } from '../app/describe-loss.ts';
import { problem } from '../core/release/problem.ts';
import { confirm, mayAsk } from './ask.ts';
import type { Session } from './session.ts';

/** What is asked, and what it costs. */
export interface LossQuestion {
  question: string;
  /** What has to be typed. */
  service: string;
  loss: Loss;
  /** A person then types the name also where nothing is lost. */
  isProduction: boolean;
  /** `--yes-lose-data-since` as given, or null. */
  accepted: string | null;
}

const FLAG = '--yes-lose-data-since';

/**
 * The one door to acts that throw data away. `--yes` is not enough where something is lost: a person types the name of the service, a
 * program says since when, which it cannot know without having been shown it. Throws `prompt-needed` unless the answer is yes.
 */
export async function confirmLoss(session: Session, asked: LossQuestion): Promise<void> {
  const { loss, accepted } = asked;
  const exact = `${FLAG} ${wholeSecond(loss.since)}`;
  if (accepted !== null) return requireMoment(accepted, asked, exact);
  if (loss.isNothing && (!asked.isProduction || session.options.yes)) return confirm(session, asked.question);
  const { isCI } = await import('ci-info');
  if (!mayAsk(session.terminal, session.options, isCI)) {
    if (loss.isNothing) return confirm(session, asked.question);
    const why = session.options.yes ? '--yes does not answer this: data is lost' : 'Nobody can be asked here';
    const next = `Look at what is lost above. To lose it, add ${exact}`;
    throw problem('prompt-needed', `${asked.question} ${why}`, { next });
  }
  await requireName(asked);
}

/** As it is shown and typed: nobody types milliseconds. */
export function wholeSecond(time: string): string {
  return `${new Date(Math.floor(Date.parse(time) / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

function requireMoment(accepted: string, { loss, question }: LossQuestion, exact: string): void {
  if (Number.isNaN(Date.parse(accepted))) {
    throw problem('usage', `${FLAG} ${accepted} is not a time`, { next: `Write it as it is shown: ${exact}` });
  }
  if (wholeSecond(accepted) === wholeSecond(loss.since)) return;
  throw problem('prompt-needed', `${question} What is lost was written since ${wholeSecond(loss.since)}`, {
    next: loss.isNothing ? 'Nothing is lost; --yes is enough.' : `Look at what is lost above. To lose it, add ${exact}`,
  });
}

async function requireName({ question, service, loss }: LossQuestion): Promise<void> {
  const { text } = await import('@clack/prompts');
  const what = loss.isNothing ? '' : ` What is listed above, written since ${wholeSecond(loss.since)}, is lost.`;
  const message = `${question}${what} Type ${service} to go on:`;
  const answer = await text({ message, output: process.stderr });
  if (answer === service) return;
  throw problem('prompt-needed', `that is not ${service}; nothing was changed`, {
    next: 'Run it again when you are sure.',
  });
}
