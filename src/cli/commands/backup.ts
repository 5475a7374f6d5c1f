import type { Command } from 'commander';
import type { RestoreOptions } from '../handle-backups.ts';
import type { Registration, Run } from '../session.ts';
import { parseReason } from '../shared-options.ts';
import { registerCopies } from './backup-copies.ts';

const WHICH = 'backup as `shipway backup list` names it, a unique beginning of that, or before:<release>';

export const registerBackup: Registration = (program, run) => {
  const backup = program
    .command('backup')
    .description('take, list, copy, prove, restore, prune, pin and encrypt backups of the data');
  registerCreate(backup, run);
  registerList(backup, run);
  registerShow(backup, run);
  registerVerify(backup, run);
  registerDrill(backup, run);
  registerSchedule(backup, run);
  registerRestore(backup, run);
  registerPrune(backup, run);
  registerPin(backup, run);
  registerUnpin(backup, run);
  registerDiscard(backup, run);
  registerCopies(backup, run);
  registerKeygen(backup, run);
  backup.addHelpText('after', '\nExample:\n  $ shipway backup list --env production');
};

function registerCreate(backup: Command, run: Run): void {
  const command = backup.command('create');
  command
    .description('take one consistent, verified backup now; what runs goes on running')
    .option('--reason <reason>', 'part of its id: manual, or daily for one that a schedule takes', 'manual')
    .addHelpText('after', '\nExample:\n  $ shipway backup create --env production')
    .action((given: { reason: string }) =>
      run(command, async (session) => (await import('../handle-backups.ts')).create(session, given)),
    );
}

function registerList(backup: Command, run: Run): void {
  const command = backup.command('list');
  command
    .description(
      'all backups of an environment, newest first: sizes, whether encrypted, pins, and the age of the last proof',
    )
    .option('--explain', 'add the rules that keep each one')
    .option('--at <name>', 'what lies in this second place instead; asks the place itself')
    .addHelpText('after', '\nExample:\n  $ shipway backup list --env production --explain')
    .action((given: { explain?: boolean; at?: string }) =>
      run(command, async (session) => (await import('../handle-backups.ts')).list(session, given)),
    );
}

function registerShow(backup: Command, run: Run): void {
  const command = backup.command('show').argument('<id>', WHICH);
  command
    .description('one backup: when, of what, how big, who can read and who signed it, and every look at it')
    .addHelpText('after', '\nExample:\n  $ shipway backup show before:r-0003')
    .action((id: string) => run(command, async (session) => (await import('../handle-backups.ts')).show(session, id)));
}

function registerVerify(backup: Command, run: Run): void {
  const command = backup.command('verify').argument('[id]', `${WHICH}; all of them when left out`);
  command
    .description('look at backups again, as thoroughly as asked; what is found is kept and shown')
    .option('--level <level>', 'how thoroughly, 0 to 4', '2')
    .option('--store <name>', 'only this store of the backup')
    .addHelpText(
      'after',
      '\n  0  every part is there and has its size' +
        '\n  1  and its SHA-256, and signature and chain are right; needs no identity' +
        '\n  2  and every copy opens and is what was captured' +
        '\n  3  and restored to a scratch place it is what was captured; live data is not touched' +
        '\n  4  and the version that ran then, started on the restored data, passes its checks; as `scratch` of the environment says' +
        '\n\nEnds with 1 when one is not good, or could not be looked at, and with 40 when one was taken out of the chain.' +
        '\n\nExample:\n  $ shipway backup verify before:r-0003 --level 3 --env production',
    )
    .action((id: string | undefined, given: { level: string; store?: string }) =>
      run(command, async (session) => (await import('../handle-proofs.ts')).verify(session, id ?? null, given)),
    );
}

function registerDrill(backup: Command, run: Run): void {
  const command = backup.command('drill');
  command
    .description('restore the newest backup, and the one untried for the longest time, to scratch places and compare')
    .option(
      '--level <level>',
      '3: restored and compared; 4: and its version started on it (default: backups.drill, or 3)',
    )
    .addHelpText(
      'after',
      '\nLive data is not touched. Says how long each restore took. Ends with 1 when one is not what was captured, or could not be restored.' +
        '\nRun it from a schedule of yours; with `backups.drill: every 7 days` in the release file, status, doctor and plan say when it is late.' +
        '\n\nExample:\n  $ shipway backup drill --env production',
    )
    .action((given: { level?: string }) =>
      run(command, async (session) => (await import('../handle-proofs.ts')).drill(session, given)),
    );
}

function registerSchedule(backup: Command, run: Run): void {
  const command = backup.command('schedule');
  command
    .description('print the schedule that takes a backup a day, prunes, and drills; for a crontab or for systemd')
    .option('--as <kind>', 'cron or systemd', 'cron')
    .addHelpText(
      'after',
      '\nNothing is changed. The drill runs as often as `backups.drill` asks, once a week when nobody says, so that it is never late.' +
        '\nA schedule has no variables of your shell: put what the release file needs into the `env-file` of the environment.' +
        '\n\nExample:\n  $ shipway backup schedule --env production\n  $ (crontab -l; shipway backup schedule --env production) | crontab -',
    )
    .action((given: { as: string }) =>
      run(command, async (session) => (await import('../handle-schedule.ts')).schedule(session, given)),
    );
}

function registerRestore(backup: Command, run: Run): void {
  const command = backup.command('restore').argument('<id>', WHICH);
  command
    .description(
      'put the data of a backup in place of the live data, or beside it with --into; in place it is refused while a version runs',
    )
    .option('--store <name>', 'only this store; may be given several times', collect, [])
    .option(
      '--into <place>',
      'write the data into this new or empty folder instead, a folder a store; with one store of PostgreSQL also the address of a database that does not exist yet',
    )
    .option('--no-safety-backup', 'do not back up the present data first; for data that cannot be read any more')
    .option('--yes-lose-data-since <time>', 'answers where data is lost: the time since when, as it is shown')
    .addHelpText(
      'after',
      '\nWith the version that runs, use: shipway rollback --data restore\n\nExample:\n  $ shipway backup restore before:r-0003 --env production' +
        '\n  $ shipway backup restore before:r-0003 --store database --into ./look' +
        '\n  $ shipway backup restore before:r-0003 --store orders --into postgresql://localhost/orders_look',
    )
    .action((id: string, given: RestoreOptions) =>
      run(command, async (session) => (await import('../handle-backups.ts')).restore(session, id, given)),
    );
}

function registerPrune(backup: Command, run: Run): void {
  const command = backup.command('prune');
  command
    .description('put the backups that no rule keeps into the trash, and delete what was there for a day')
    .option('--explain', 'print the rules of every backup, also of those that stay')
    .addHelpText(
      'after',
      '\nThe rules: backups.keep in the release file. What a release, a rollback or a pin needs always stays. Ends with 30 when backups' +
        '\ncould go but no verified one is younger than 48 hours. A pruned backup comes back with backup pin.' +
        '\n\nExample:\n  $ shipway backup prune --env production --dry-run --explain',
    )
    .action((given: { explain?: boolean }) =>
      run(command, async (session) => (await import('../handle-retention.ts')).prune(session, given)),
    );
}

function registerPin(backup: Command, run: Run): void {
  const command = backup
    .command('pin')
    .argument('<id>', 'backup, a unique beginning of its id, or before:<release>; also one in the trash');
  command
    .description('keep a backup whatever the policy says, until it is unpinned')
    .requiredOption('--reason <text>', 'why; kept in the journal', parseReason)
    .addHelpText('after', '\nExample:\n  $ shipway backup pin before:r-0003 --reason "audit of November"')
    .action((id: string, given: { reason: string }) =>
      run(command, async (session) => (await import('../handle-retention.ts')).pin(session, id, given.reason)),
    );
}

function registerUnpin(backup: Command, run: Run): void {
  const command = backup.command('unpin').argument('<id>', 'backup, a unique beginning of its id, or before:<release>');
  command
    .description('let the policy decide about a pinned backup again')
    .option('--reason <text>', 'why; kept in the journal', parseReason)
    .addHelpText('after', '\nExample:\n  $ shipway backup unpin before:r-0003 --reason "audit is over"')
    .action((id: string, given: { reason?: string }) =>
      run(command, async (session) =>
        (await import('../handle-retention.ts')).unpin(session, id, given.reason ?? null),
      ),
    );
}

function registerDiscard(backup: Command, run: Run): void {
  const command = backup
    .command('discard')
    .argument('[what]', 'a release, a backup or a place as listed; lists everything when left out');
  command
    .description('list or delete for good the data that restores and rollbacks replaced and kept aside')
    .option('--all', 'everything that is not needed any more')
    .addHelpText(
      'after',
      '\nRefused while the release that replaced it is not over.\n\nExample:\n  $ shipway backup discard r-0004 --env production',
    )
    .action((what: string | undefined, given: { all?: boolean }) =>
      run(command, async (session) => (await import('../handle-retention.ts')).discard(session, what ?? null, given)),
    );
}

function registerKeygen(backup: Command, run: Run): void {
  const command = backup.command('keygen').argument('<file>', 'new file for the identity, which reads the backups');
  command
    .description(
      'make a pair of keys for encrypted backups: prints the recipient, writes the identity to a file (0600)',
    )
    .addHelpText(
      'after',
      '\nThe recipient goes into the release file (backups.encryption.recipients). The identity belongs on another machine, or into a safe.' +
        '\nWorks offline and without a release file. age and age-keygen can read the file.' +
        '\n\nExample:\n  $ shipway backup keygen ~/backup-identity.txt',
    )
    .action((file: string) =>
      run(command, async (session) => (await import('../handle-backups.ts')).makeKeys(session, file)),
    );
}

function collect(text: string, before: string[]): string[] {
  return [...before, text];
}
