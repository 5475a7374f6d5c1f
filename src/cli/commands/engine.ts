import type { Registration } from '../session.ts';

/** What runs in the background; started by other commands, never by a person. */
export const registerEngine: Registration = (program, run) => {
  const command = program.command('engine', { hidden: true });
  command
    .description('run releases in the background until none is left; other commands start it by themselves')
    .option('--project <directory>', 'project to work for; the current folder when left out')
    .addHelpText('after', '\nExample:\n  $ shipway engine')
    .action((given: { project?: string }) =>
      run(command, ({ wiring }) => wiring.runExecutor({ projectDirectory: given.project ?? null })),
    );
};
