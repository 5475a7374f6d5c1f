import { Argument } from 'commander';
import { completionWords, type KnownNames } from '../completion-words.ts';
import type { Registration, Session } from '../session.ts';

/** Each asks `shipway complete` for the words, so that a script once installed knows the commands of every later version. */
const SCRIPTS: Record<string, string> = {
  bash: `_shipway() {
  local IFS=$'\\n'
  COMPREPLY=($(shipway complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _shipway shipway`,
  zsh: `#compdef shipway
_shipway() {
  local -a found
  found=(\${(f)"$(shipway complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( \${#found} )); then compadd -a found; else _files; fi
}
compdef _shipway shipway`,
  fish: `function __shipway_words
  shipway complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null
end
complete -c shipway -a '(__shipway_words)'`,
};

export const registerCompletion: Registration = (program, run) => {
  const command = program.command('completion');
  command
    .description('print the script that lets a shell complete commands, options and environments')
    .addArgument(new Argument('<shell>', 'the shell it is for').choices(Object.keys(SCRIPTS)))
    .addHelpText(
      'after',
      [
        '',
        'Example:',
        '  $ shipway completion bash > ~/.local/share/bash-completion/completions/shipway',
        '  $ shipway completion fish > ~/.config/fish/completions/shipway.fish',
        '  $ source <(shipway completion zsh)',
      ].join('\n'),
    )
    .action((shell: string) =>
      run(command, async ({ screen }) => {
        screen.line(SCRIPTS[shell] ?? '');
        return 0;
      }),
    );
  const complete = program.command('complete', { hidden: true });
  complete
    .description('print the words that may end a command line, for the scripts of `shipway completion`')
    .argument('[words...]', 'what is typed behind shipway')
    .action((words: string[]) =>
      run(complete, async (session) => {
        const known = words.at(-2) === '--env' || words.at(-2) === '-e' ? await knownNames(session) : NOTHING_KNOWN;
        for (const word of completionWords(program, words, known)) session.screen.line(word);
        return 0;
      }),
    );
};

const NOTHING_KNOWN: KnownNames = { environments: [] };

/** A release file that cannot be read is no reason to print an error into somebody's command line. */
async function knownNames(session: Session): Promise<KnownNames> {
  try {
    const app = await session.app();
    const { config } = await app.releaseFile();
    return { environments: Object.keys(config.environments) };
  } catch {
    return NOTHING_KNOWN;
  }
}
