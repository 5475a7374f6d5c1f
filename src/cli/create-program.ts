import { Command } from 'commander';
import { addCommonOptions } from './shared-options.ts';
import { COMMANDS } from './commands/index.ts';
import { exitCodeLines } from './exit-codes.ts';
import type { Run } from './session.ts';

/** What commander writes, and where it goes. */
export interface ProgramOutput {
  out: (text: string) => void;
  error: (text: string) => void;
  columns: () => number;
}

/** All commands and options as data; nothing below them is loaded before one of them runs. */
export function createProgram(version: string, run: Run, output: ProgramOutput): Command {
  const program = new Command('shipway');
  program
    .description('Releases a service as its release file says, watches it, and rolls it back when it turns out bad.')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .showSuggestionAfterError(true)
    // Options behind a command are that command's: `unlock --version 1.2.0` must not print our own version.
    .enablePositionalOptions()
    .configureHelp({ subcommandTerm })
    .configureOutput({
      writeOut: output.out,
      writeErr: output.error,
      getOutHelpWidth: output.columns,
      getErrHelpWidth: output.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  addCommonOptions(program, version);
  program.addHelpText('after', () => ['', 'Exit codes:', ...exitCodeLines()].join('\n'));
  program.addHelpText(
    'after',
    '\nExample:\n  $ shipway plan 1.2.3 --env production\n  $ shipway release 1.2.3 --env production',
  );
  for (const register of COMMANDS) register(program, run);
  for (const leaf of leavesOf(program)) addCommonOptions(leaf, version);
  return program;
}

/** In the list of commands: name and arguments. That every command has options goes without saying. */
function subcommandTerm(command: Command): string {
  return [
    command.name(),
    ...command.registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`)),
  ].join(' ');
}

/** The words to type for a command: `shipway backup list`. */
export function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

/** Commands that do something: those without commands below them. */
export function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}
