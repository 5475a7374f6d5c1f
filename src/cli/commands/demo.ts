import { problem } from '../../core/release/problem.ts';
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
        if (screen.isJson && !options.dryRun) {
          throw problem('usage', 'the demo is a story for people and has no JSON', {
            next: 'Leave --json out; each command that it runs has it.',
          });
        }
        if (!options.dryRun) {
          return wiring.runDemo({
            directory: given.directory ?? null,
            keep: given.keep === true,
            color: options.color,
          });
        }
        const what = 'make a project in a folder of its own, release four versions of a service there, and stop it';
        if (screen.isJson) screen.json({ how: 'would', what });
        else screen.line(`would ${what}`);
        return 0;
      }),
    );
};
