import type { Registration } from '../session.ts';

interface Given {
  anchor?: string[];
}

export const registerVerify: Registration = (program, run) => {
  const command = program.command('verify');
  command
    .description('check that nobody changed the journal; names the first bad entry')
    .option(
      '--anchor <index:hash>',
      'entry and hash written down outside the database; may be given several times',
      (text: string, before: string[] | undefined) => [...(before ?? []), text],
    )
    .addHelpText('after', '\nExample:\n  $ shipway verify')
    .action((given: Given) =>
      run(command, async ({ app, screen }) => {
        const { parseAnchor, verifyRecord } = await import('../../app/verify-journal.ts');
        const anchors = (given.anchor ?? []).map(parseAnchor);
        const found = await verifyRecord(await app(), anchors);
        if (screen.isJson) screen.json(found);
        else {
          const { verifyLines } = await import('../output/verify-lines.ts');
          screen.lines(verifyLines(screen.style, found));
        }
        const { exitCode } = await import('../exit-codes.ts');
        return exitCode(found.valid ? 'done' : 'tampering');
      }),
    );
};
