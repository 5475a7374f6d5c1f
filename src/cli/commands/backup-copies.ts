import type { Command } from 'commander';
import type { Run } from '../session.ts';

/** The commands of second places. */
export function registerCopies(backup: Command, run: Run): void {
  registerCopy(backup, run);
  registerFetch(backup, run);
}

function registerCopy(backup: Command, run: Run): void {
  const command = backup
    .command('copy')
    .argument('[id]', 'backup, a unique beginning of its id, or before:<release>; every missing one when left out');
  command
    .description('send backups to the second places of the release file, those that are not there yet')
    .option('--to <name>', 'only to this place')
    .addHelpText(
      'after',
      '\nThe places: backups.copies in the release file. What lies there already is not sent again; what is sent is read back.' +
        '\nEnds with 1 when one could not be copied. Run it again after a failure: it goes on where it was.' +
        '\n\nExample:\n  $ shipway backup copy --env production --to s3',
    )
    .action((id: string | undefined, given: { to?: string }) =>
      run(command, async (session) => (await import('../handle-copies.ts')).copy(session, id ?? null, given)),
    );
}

function registerFetch(backup: Command, run: Run): void {
  const command = backup
    .command('fetch')
    .argument('<id>', 'backup as `shipway backup list --at NAME` names it, or a unique beginning of that');
  command
    .description('bring a backup back from a second place, every byte checked against its signed manifest')
    .requiredOption('--from <name>', 'place of the release file')
    .addHelpText(
      'after',
      '\nNothing of the live data is touched; then: shipway backup restore. On a new machine name the key that signed it first:' +
        '\nbackups.signers in the release file.' +
        '\n\nExample:\n  $ shipway backup fetch bk_20261121T024843Z --from s3',
    )
    .action((id: string, given: { from: string }) =>
      run(command, async (session) => (await import('../handle-copies.ts')).bringBack(session, id, given)),
    );
}
