import type { Registration } from '../session.ts';

export const registerShow: Registration = (program, run) => {
  const command = program.command('show').argument('[id]', 'release; the unfinished or the newest one when left out');
  command
    .description('everything about one release: plan, steps, reasons, approvals, watch, what to do next')
    .addHelpText('after', '\nExample:\n  $ shipway show r-0003')
    .action((id: string | undefined) =>
      run(command, async ({ app, screen }) => {
        const { showRelease } = await import('../../app/show-release.ts');
        const detail = await showRelease(await app(), id ?? null);
        if (screen.isJson) screen.json(detail);
        else {
          const { showLines } = await import('../output/show-lines.ts');
          screen.lines(showLines(screen.style, detail));
        }
        return 0;
      }),
    );
};
