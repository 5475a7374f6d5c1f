import type { ChangedEnvFile } from '../core/plan/environment-steps.ts';
import { problem } from '../core/release/problem.ts';
import { mayAsk } from './ask.ts';
import type { Session } from './session.ts';

/**
 * What becomes of an env file that somebody changed since the release; null where nobody is asked: it then stays, and the plan says so.
 * Names of variables are shown, never a value. Throws `prompt-needed` when the person breaks off.
 */
export async function askChangedEnvFile(session: Session, changed: ChangedEnvFile): Promise<'keep' | 'return' | null> {
  const { options, terminal } = session;
  const { isCI } = await import('ci-info');
  if (options.yes || !mayAsk(terminal, options, isCI)) return null;
  const { path, running, target, changes } = changed;
  const { select } = await import('@clack/prompts');
  const answer = await select({
    message: `Somebody changed ${path} after ${running} was started. What becomes of it?`,
    options: [
      { value: 'keep', label: `leave it as it is now; ${target} is started with it` },
      {
        value: 'return',
        label: `put it back as ${target} was started with it: ${changes}`,
        hint: 'what is there now stays beside it',
      },
    ],
    initialValue: 'keep',
    output: process.stderr,
  });
  if (answer === 'keep' || answer === 'return') return answer;
  throw problem('prompt-needed', 'you broke off; nothing was changed', { next: 'Run it again when you are sure.' });
}
