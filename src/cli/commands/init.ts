import type { Registration } from '../session.ts';

export const registerInit: Registration = (program, run) => {
  const command = program.command('init');
  command
    .description('write a first release file, its schema for editors, and a line in .gitignore; overwrites nothing')
    .addHelpText('after', '\nExample:\n  $ shipway init')
    .action(() =>
      run(command, async ({ app, options, screen, wiring }) => {
        const { initProject, planProject } = await import('../../app/init-project.ts');
        const project = await app();
        const files = await planProject(project, await wiring.kinds());
        if (!options.dryRun) await initProject(project, files);
        if (screen.isJson) {
          screen.json({ written: !options.dryRun, files: files.map(({ path, how }) => ({ path, how })) });
          return 0;
        }
        const { initLines } = await import('../output/init-lines.ts');
        screen.lines(initLines(files, options.dryRun));
        return 0;
      }),
    );
};
