import type { Registration } from '../session.ts';
import { parseReason } from '../shared-options.ts';

interface Given {
  reject?: boolean;
  reason?: string;
}

export const registerApprove: Registration = (program, run) => {
  const command = program.command('approve').argument('[id]', 'release; the only one that waits when left out');
  command
    .description('approve or reject the plan of a waiting release')
    .option('--reject', 'reject instead; needs --reason')
    .option('--reason <text>', 'why; kept in the journal', parseReason)
    .addHelpText(
      'after',
      '\nExample:\n  $ shipway approve r-0003\n  $ shipway approve r-0003 --reject --reason "no rollback plan"',
    )
    .action((id: string | undefined, given: Given) =>
      run(command, async (session) => (await import('../steer.ts')).decide(session, id ?? null, given)),
    );
};
