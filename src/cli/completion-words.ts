import type { Command, Option } from 'commander';

/** What the release file adds to the words of the command line itself. */
export interface KnownNames {
  environments: string[];
}

/**
 * The words that may stand at the end of a command line, all of them beginning like its last word; empty where the shell should offer
 * files. `words` are those behind `shipway`; the last is the one being typed and may be empty.
 */
export function completionWords(program: Command, words: readonly string[], known: KnownNames): string[] {
  const typed = words.at(-1) ?? '';
  const { command, wants } = walk(program, words.slice(0, -1));
  return wordsAt(command, wants, { typed, known }).filter((word) => word.startsWith(typed));
}

/** The command that the words have reached, and the option that waits for its value. */
function walk(program: Command, words: readonly string[]): { command: Command; wants: Option | null } {
  let command = program;
  let wants: Option | null = null;
  for (const word of words) {
    if (wants !== null) wants = null;
    else if (word.startsWith('-')) wants = valueWanted(command, word);
    else command = command.commands.find((one) => one.name() === word) ?? command;
  }
  return { command, wants };
}

function valueWanted(command: Command, word: string): Option | null {
  const option = command.options.find((one) => one.long === word || one.short === word);
  return option !== undefined && (option.required || option.optional) ? option : null;
}

function wordsAt(command: Command, wants: Option | null, at: { typed: string; known: KnownNames }): string[] {
  if (wants !== null) return wants.long === '--env' ? at.known.environments : [...(wants.argChoices ?? [])];
  const help = command.createHelp();
  if (at.typed.startsWith('-')) return help.visibleOptions(command).flatMap((one) => one.long ?? []);
  const commands = help.visibleCommands(command).map((one) => one.name());
  return [...commands, ...command.registeredArguments.flatMap((one) => one.argChoices ?? [])];
}
