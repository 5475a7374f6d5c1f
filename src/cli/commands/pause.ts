import type { Registration } from '../session.ts';
import { parseReason } from '../shared-options.ts';

interface Given {
  reason?: string;
}

export const registerPause: Registration = (program, run) => {
  const command = program.command('pause').argument('[id]', 'release; the only unfinished one when left out');
  command
    .description('hold a release before its next step, or its watch before the next round')
    .option('--reason <text>', 'why; kept in the journal', parseReason)
    .addHelpText('after', '\nExample:\n  $ shipway pause r-0003 --reason "looking at the logs"')
    .action((id: string | undefined, given: Given) =>
      run(command, async (session) => (await import('../steer.ts')).pause(session, id ?? null, given)),
    );
};
