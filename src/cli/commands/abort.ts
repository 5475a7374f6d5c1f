import type { Registration } from '../session.ts';
import { parseReason } from '../shared-options.ts';

interface Given {
  reason?: string;
  detach?: boolean;
}

export const registerAbort: Registration = (program, run) => {
  const command = program.command('abort').argument('[id]', 'release; the only unfinished one when left out');
  command
    .description('stop a release: cancelled when nothing was changed, taken back otherwise; then follow it')
    .option('--reason <text>', 'why; kept in the journal', parseReason)
    .option('--detach', 'do not wait until it has stopped')
    .addHelpText('after', '\nExample:\n  $ shipway abort r-0003 --reason "wrong version"')
    .action((id: string | undefined, given: Given) =>
      run(command, async (session) => (await import('../steer.ts')).abort(session, id ?? null, given)),
    );
};
