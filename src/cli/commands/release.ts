import type { Registration } from '../session.ts';
import { parseReason } from '../shared-options.ts';

interface Given {
  type: string;
  reason?: string;
  commit?: string;
  keepEnvironment?: boolean;
  plan?: string;
  automation?: boolean;
  detach?: boolean;
  speed: string;
}

export const registerRelease: Registration = (program, run) => {
  const command = program.command('release').argument('<version>', 'version to release, SemVer');
  command
    .description('release a version: gates, backup, migration, deploy, verification, watch; and back when it fails')
    .option('--type <type>', 'release type, as the release file declares it', 'regular')
    .option('--reason <text>', 'why; kept in the journal', parseReason)
    .option('--commit <hash>', 'commit the version was built from')
    .option('--keep-environment', 'a rollback of it leaves the env file as it is; part of the plan')
    .option('--plan <digest>', 'refuse unless the plan is exactly this one (see: shipway plan)')
    .option('--automation', 'nobody watches over it: held back after a rollback until a person lifts it')
    .option('--detach', 'return when the gates are passed (0) or a person is waited for (10)')
    .addHelpText(
      'after',
      '\nCtrl-C leaves the release running and says how to return.\n\nExample:\n  $ shipway release 1.2.3 --env production',
    );
  command.addOption(command.createOption('--speed <times>', 'for tests and the demo').default('1').hideHelp());
  command.action((version: string, given: Given) =>
    run(command, async (session) => {
      const { release } = await import('../release-version.ts');
      return release(session, version, given);
    }),
  );
};
