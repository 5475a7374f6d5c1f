import type { Registration } from '../session.ts';
import { parseReason } from '../shared-options.ts';

interface Given {
  version?: string;
  reason: string;
}

export const registerUnlock: Registration = (program, run) => {
  const command = program.command('unlock').argument('<service>', 'service, as the release file names it');
  command
    .description('lift a quarantine (--version), a hold or the lock of a release that needs a person (--env)')
    .option('--version <version>', 'version to let out of quarantine')
    .requiredOption('--reason <text>', 'why; kept in the journal', parseReason)
    .addHelpText(
      'after',
      '\nExample:\n  $ shipway unlock notes --env production --version 1.2.0 --reason "fixed outside"',
    )
    .action((service: string, given: Given) =>
      run(command, async (session) => (await import('../unlock-service.ts')).unlockService(session, service, given)),
    );
};
