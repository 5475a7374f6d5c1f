import { resolve } from 'node:path';
import { problem } from '../core/release/problem.ts';
import { exitCode } from './exit-codes.ts';
import type { Session } from './session.ts';

/** Prints what goes into a crontab or into units, as it is: it is copied, not read. */
export async function schedule({ app, options, screen }: Session, given: { as: string }): Promise<number> {
  const { as } = given;
  if (as !== 'cron' && as !== 'systemd') {
    const next = 'Write cron or systemd.';
    throw problem('usage', `there is no schedule of kind ${JSON.stringify(as)}`, { where: '--as', next });
  }
  const { planSchedule } = await import('../app/plan-schedule.ts');
  // A schedule has another PATH than a person.
  const program = [process.execPath, resolve(process.argv[1] ?? '')];
  const config = options.config === null ? [] : ['--config', resolve(options.config)];
  const lines = await planSchedule(await app(), { environment: options.env, as, program, options: config });
  if (screen.isJson) screen.json({ as, lines });
  else screen.lines(lines);
  return exitCode('done');
}
