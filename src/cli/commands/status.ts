import type { Registration } from '../session.ts';

export const registerStatus: Registration = (program, run) => {
  const command = program.command('status');
  command
    .description('what is live where, what is under way, and what waits for you')
    .addHelpText('after', '\nExample:\n  $ shipway status')
    .action(() =>
      run(command, async ({ app, screen }) => {
        const { needsYou, showStatus } = await import('../../app/show-status.ts');
        const status = await showStatus(await app());
        if (screen.isJson) screen.json({ ...status, needsYou: needsYou(status) });
        else {
          const { statusLines } = await import('../output/status-lines.ts');
          screen.lines(statusLines(screen.style, status));
        }
        return 0;
      }),
    );
};
