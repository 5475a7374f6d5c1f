import type { Registration } from '../session.ts';

interface Given {
  to?: string;
  backup?: string;
  quick?: boolean;
  full?: boolean;
  keepEnvironment?: boolean;
  reason: string;
  detach?: boolean;
}

export const registerRollback: Registration = (program, run) => {
  const command = program.command('rollback');
  command
    .description('go back to a version that was stable; shows from, to and what happens to the data before it asks')
    .option('--to <version>', 'version to go back to; the stable one before when left out')
    .option('--backup <id>', 'backup to restore; means --full')
    .addOption(
      command.createOption('--quick', 'code and traffic only, the data stays (default)').conflicts(['full', 'backup']),
    )
    .option('--full', 'also the data, from the backup taken before the version that runs')
    .option('--keep-environment', 'leave the env file as it is; otherwise it goes back with the version')
    .requiredOption('--reason <text>', 'why; kept in the journal')
    .option('--detach', 'do not follow it')
    .addHelpText('after', '\nExample:\n  $ shipway rollback --env production --reason "orders fail"')
    .action((given: Given) => run(command, async (session) => (await import('../go-back.ts')).goBack(session, given)));
};
