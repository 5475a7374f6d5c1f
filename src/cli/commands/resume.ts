import type { Registration } from '../session.ts';

interface Given {
  step?: string;
  was?: 'done' | 'not-done';
  detach?: boolean;
}

export const registerResume: Registration = (program, run) => {
  const command = program.command('resume').argument('[id]', 'release; the only unfinished one when left out');
  command
    .description('let a release go on that is paused, needed a person, or lost its executor; then follow it')
    .option('--step <id>', 'step whose outcome nobody could measure')
    .addOption(command.createOption('--was <outcome>', 'what you found out about it').choices(['done', 'not-done']))
    .option('--detach', 'do not follow it')
    .addHelpText(
      'after',
      '\nExample:\n  $ shipway resume r-0003\n  $ shipway resume r-0003 --step migrate.up --was done',
    )
    .action((id: string | undefined, given: Given) =>
      run(command, async (session) => (await import('../steer.ts')).resume(session, id ?? null, given)),
    );
};
