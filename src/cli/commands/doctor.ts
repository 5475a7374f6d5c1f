import type { Registration } from '../session.ts';

export const registerDoctor: Registration = (program, run) => {
  const command = program.command('doctor');
  command
    .description('look at everything a release needs, and say what to do about what is not well; changes nothing')
    .addHelpText('after', '\nEnds with 1 when something fails.\n\nExample:\n  $ shipway doctor')
    .action(() =>
      run(command, async ({ app, screen }) => {
        const { inspectProject } = await import('../../app/inspect-project.ts');
        const { exitCode } = await import('../exit-codes.ts');
        const findings = await inspectProject(await app(), process.version);
        if (screen.isJson) screen.json({ findings });
        else {
          const { doctorLines } = await import('../output/doctor-lines.ts');
          screen.lines(doctorLines(screen.style, findings));
        }
        return exitCode(findings.some((finding) => finding.level === 'fail') ? 'failed' : 'done');
      }),
    );
};
