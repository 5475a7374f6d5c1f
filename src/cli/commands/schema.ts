import type { Registration } from '../session.ts';

export const registerSchema: Registration = (program, run) => {
  const command = program.command('schema');
  command
    .description('print the JSON Schema of the release file, for editors')
    .addHelpText('after', '\nExample:\n  $ shipway schema > .shipway/schema.json')
    .action(() =>
      run(command, async ({ screen, wiring }) => {
        const { printSchema } = await import('../../app/print-schema.ts');
        screen.line(printSchema(await wiring.kinds()).trimEnd());
        return 0;
      }),
    );
};
