import type { Registration } from '../session.ts';

interface Given {
  directory?: string;
  keep?: boolean;
}

export const registerDemo: Registration = (program, run) => {
  const command = program.command('demo');
  command
    .description(
      'about a minute: a real service, four releases, a bad version and a crash; nothing of yours is touched',
    )
    .option('--directory <path>', 'work in this new or empty folder')
    .option('--keep', 'leave everything running at the end, to look around')
    .addHelpText('after', '\nExample:\n  $ shipway demo')
    .action((given: Given) =>
      run(command, async ({ options, screen, wiring }) => {
        if (!options.dryRun) {
          return wiring.runDemo({
            directory: given.directory ?? null,
            keep: given.keep === true,
            color: options.color,
          });
        }
        screen.line(
          'would make a project in a folder of its own, release four versions of a service there, and stop it',
        );
        return 0;
      }),
    );
};
