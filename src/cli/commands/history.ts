import { InvalidArgumentError } from 'commander';
import type { Registration } from '../session.ts';

interface Given {
  number: number;
  service?: string;
  of?: string;
}

const SHOWN = 20; // one screen

export const registerHistory: Registration = (program, run) => {
  const command = program.command('history').argument('[service]', 'only this service');
  command
    .description('past releases, newest first')
    .option('-n, --number <count>', 'how many', parseCount, SHOWN)
    .option('--of <version>', 'only this version')
    .addHelpText('after', '\nExample:\n  $ shipway history -n 5 --env production')
    .action((service: string | undefined, given: Given) =>
      run(command, async ({ app, options, screen }) => {
        const { showHistory } = await import('../../app/show-history.ts');
        const entries = await showHistory(await app(), {
          service: service ?? null,
          environment: options.env,
          version: given.of ?? null,
          limit: given.number,
        });
        if (screen.isJson) screen.json({ releases: entries });
        else {
          const { historyLines } = await import('../output/history-lines.ts');
          const isFiltered = service !== undefined || options.env !== null || given.of !== undefined;
          screen.lines(historyLines(screen.style, entries, isFiltered ? 'filtered' : 'all'));
        }
        return 0;
      }),
    );
};

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
  throw new InvalidArgumentError('Write a number from 1 to 1000.');
}
