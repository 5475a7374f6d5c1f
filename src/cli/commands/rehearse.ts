import type { Registration } from '../session.ts';

export const registerRehearse: Registration = (program, run) => {
  const command = program.command('rehearse').argument('<version>', 'version whose migration is tried, SemVer');
  command
    .description(
      'try the migration of a version on the newest backup: up, the version before on it, checks, down, compare, up again; with locks',
    )
    .option('--store <name>', 'store that the migration changes, where several could be meant')
    .addHelpText(
      'after',
      '\nThe copy is a scratch database that is removed afterwards; the live data is only read. How the migration is led to the copy' +
        '\nis said in the release file: rehearsal: { env: { DATABASE_URL: $SCRATCH_URL } }. Ends with 1 when the rehearsal did not pass.' +
        '\nWhether the version that runs still serves is tried with rehearsal: statements: old, and by starting it (scratch:).' +
        '\n\nExample:\n  $ shipway rehearse 1.2.3 --env production',
    )
    .action((version: string, given: { store?: string }) =>
      run(command, async (session) => (await import('../handle-rehearsal.ts')).rehearse(session, version, given)),
    );
};
