import { Option, type Command } from 'commander';
import type { CheckOptions } from '../handle-migrations.ts';
import type { Registration, Run } from '../session.ts';

export const registerMigrate: Registration = (program, run) => {
  const migrate = program.command('migrate').description('judge migrations before they run; ask where the data is');
  registerCheck(migrate, run);
  registerStatus(migrate, run);
  migrate.addHelpText('after', '\nExample:\n  $ shipway migrate check migrations/*.sql');
};

function registerCheck(migrate: Command, run: Run): void {
  const command = migrate
    .command('check')
    .argument('[files...]', 'SQL files or folders of them, each file one migration; - reads standard input');
  command
    .description('say what is unsafe in SQL before it runs, why, and the safe way; runs nothing')
    .option(
      '--version <version>',
      'instead of files: what the migration of this version would run, by its preview command',
    )
    .addOption(
      new Option('--dialect <name>', 'language of the files (default: postgresql)').choices(['postgresql', 'sqlite']),
    )
    .option('--facts <file>', 'JSON with what is known of the data: sizes, column types, what is unused')
    .addOption(
      new Option('--transaction <how>', 'how the tool runs each file, where the file does not say it').choices([
        'one',
        'none',
      ]),
    )
    .option('--strict', 'end with 1 for warnings as well')
    .addHelpText(
      'after',
      '\nEnds with 1 when there is an error, or a statement that could not be judged.\n\nExamples:\n  $ shipway migrate check migrations/*.sql\n  $ shipway migrate check --env production --version 1.2.3',
    )
    .action((files: string[], given: CheckOptions) =>
      run(command, async (session) => (await import('../handle-migrations.ts')).check(session, files, given)),
    );
}

function registerStatus(migrate: Command, run: Run): void {
  const command = migrate.command('status').argument('<version>', 'version whose migration files are asked');
  command
    .description("the revision of the data, and what the project's migration tool tells; changes nothing")
    .addHelpText('after', '\nExample:\n  $ shipway migrate status 1.2.3 --env production')
    .action((version: string) =>
      run(command, async (session) => (await import('../handle-migrations.ts')).status(session, version)),
    );
}
