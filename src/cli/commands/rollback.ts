import type { RollbackOptions } from '../go-back.ts';
import type { Registration } from '../session.ts';
import { parseReason } from '../shared-options.ts';

export const registerRollback: Registration = (program, run) => {
  const command = program.command('rollback');
  command
    .description('go back to a version that was stable; shows from, to and what happens to the data before it asks')
    .option('--to <version>', 'version to go back to; the stable one before when left out')
    .option('--revision <revision>', 'schema revision to go back to, with the newest version that ran on it')
    .option('--backup <id>', 'backup to restore; means --data restore')
    .addOption(
      command
        .createOption(
          '--data <way>',
          'what happens to the data: leave it, take the schema down, or restore a backup; the least lossy with --full',
        )
        .choices(['leave', 'down', 'restore']),
    )
    .addOption(
      command
        .createOption('--quick', 'code and traffic only, the data stays (default)')
        .conflicts(['full', 'backup', 'data', 'revision']),
    )
    .option('--full', 'also the data, in the way that loses least; prints the others with what they lose')
    .addOption(
      command
        .createOption('--keep-environment', 'leave the env file as it is; otherwise it goes back with the version')
        .conflicts('returnEnvironment'),
    )
    .option(
      '--return-environment',
      'take the env file back also when somebody changed it since; otherwise you are asked',
    )
    .option('--safety-backup', 'back up the present data first also where the swap keeps all of it')
    .option('--no-safety-backup', 'do not back up the present data first; for data that cannot be read any more')
    .option('--yes-lose-data-since <time>', 'answers where data is lost: the time since when, as it is shown')
    .requiredOption('--reason <text>', 'why; kept in the journal', parseReason)
    .option('--detach', 'do not follow it')
    .addHelpText('after', '\nExample:\n  $ shipway rollback --env production --reason "orders fail"')
    .action((given: RollbackOptions) =>
      run(command, async (session) => (await import('../go-back.ts')).goBack(session, given)),
    );
};
