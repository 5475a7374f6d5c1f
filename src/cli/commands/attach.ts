import type { Registration } from '../session.ts';

export const registerAttach: Registration = (program, run) => {
  const command = program.command('attach').argument('[id]', 'release; the only unfinished one when left out');
  command
    .description('follow a release; one whose executor died goes on')
    .addHelpText('after', '\nExample:\n  $ shipway attach r-0003')
    .action((id: string | undefined) =>
      run(command, async (session) => {
        const { meantRelease } = await import('../../app/steer-release.ts');
        const { existingMemory } = await import('../../app/existing-memory.ts');
        const { follow } = await import('../follow.ts');
        const app = await session.app();
        await existingMemory(app);
        const release = await meantRelease(app, id ?? null);
        return follow(session, { id: release.id, detach: false });
      }),
    );
};
