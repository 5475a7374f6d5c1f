import type { Registration } from '../session.ts';
import { parseReason } from '../shared-options.ts';

interface Given {
  type: string;
  reason?: string;
  commit?: string;
  keepEnvironment?: boolean;
}

export const registerPlan: Registration = (program, run) => {
  const command = program.command('plan').argument('<version>', 'version to plan for, SemVer');
  command
    .description('print what a release would do, step by step; changes nothing')
    .option('--type <type>', 'release type, as the release file declares it', 'regular')
    .option('--reason <text>', 'why; part of the plan', parseReason)
    .option('--commit <hash>', 'commit the version was built from; part of the plan')
    .option('--keep-environment', 'a rollback of it leaves the env file as it is; part of the plan')
    .addHelpText('after', '\nExample:\n  $ shipway plan 1.2.3 --env production')
    .action((version: string, given: Given) =>
      run(command, async (session) => {
        const { printPlan, readRequest } = await import('../release-version.ts');
        const { planRelease } = await import('../../app/plan-release.ts');
        const app = await session.app();
        const request = readRequest(session, version, given);
        return printPlan(session, await planRelease(app, request, await app.existingDatabase()));
      }),
    );
};
