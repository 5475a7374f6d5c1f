import type { Command } from 'commander';
import type { Registration, Run } from '../session.ts';

const WHICH = 'backup as `shipway backup list` names it, a unique beginning of that, or before:<release>';

export const registerBackup: Registration = (program, run) => {
  const backup = program.command('backup').description('take, list, check and restore backups of the data');
  registerCreate(backup, run);
  registerList(backup, run);
  registerShow(backup, run);
  registerVerify(backup, run);
  registerRestore(backup, run);
  backup.addHelpText('after', '\nExample:\n  $ shipway backup list --env production');
};

function registerCreate(backup: Command, run: Run): void {
  const command = backup.command('create');
  command
    .description('take one consistent, verified backup now; what runs goes on running')
    .addHelpText('after', '\nExample:\n  $ shipway backup create --env production')
    .action(() => run(command, async (session) => (await import('../handle-backups.ts')).create(session)));
}

function registerList(backup: Command, run: Run): void {
  const command = backup.command('list');
  command
    .description('all backups of an environment, newest first')
    .addHelpText('after', '\nExample:\n  $ shipway backup list --env production')
    .action(() => run(command, async (session) => (await import('../handle-backups.ts')).list(session)));
}

function registerShow(backup: Command, run: Run): void {
  const command = backup.command('show').argument('<id>', WHICH);
  command
    .description('one backup: when, of what, how big')
    .addHelpText('after', '\nExample:\n  $ shipway backup show before:r-0003')
    .action((id: string) => run(command, async (session) => (await import('../handle-backups.ts')).show(session, id)));
}

function registerVerify(backup: Command, run: Run): void {
  const command = backup.command('verify').argument('[id]', `${WHICH}; all of them when left out`);
  command
    .description('read backups again and compare them with what was sealed')
    .addHelpText(
      'after',
      '\nEnds with 1 when one is not whole.\n\nExample:\n  $ shipway backup verify --env production',
    )
    .action((id: string | undefined) =>
      run(command, async (session) => (await import('../handle-backups.ts')).verify(session, id ?? null)),
    );
}

function registerRestore(backup: Command, run: Run): void {
  const command = backup.command('restore').argument('<id>', WHICH);
  command
    .description('put the data of a backup in place of the live data; refused while a version runs on it')
    .addHelpText(
      'after',
      '\nWith the version that runs, use: shipway rollback --full\n\nExample:\n  $ shipway backup restore before:r-0003 --env production',
    )
    .action((id: string) =>
      run(command, async (session) => (await import('../handle-backups.ts')).restore(session, id)),
    );
}
