import type { Argument, Command, Option } from 'commander';
import { createProgram, leavesOf, nameOf } from './create-program.ts';
import { exitCodeReference } from './exit-codes.ts';

/** The pages of the reference that follow from the declarations, by file name under docs/reference. */
export function cliReferencePages(): Record<string, string> {
  return { 'cli.md': commandReference(), 'exit-codes.md': exitCodeReference() };
}

/** The reference of the command line, generated into docs/reference/cli.md: every command, argument and option, with its example. */
export function commandReference(): string {
  const silent = { out: () => undefined, error: () => undefined, columns: () => 100 };
  const program = createProgram('0.0.0', async () => undefined, silent);
  const commands = leavesOf(program).filter((command) => !isHidden(command));
  const shared = commonOptions(program);
  return [
    '# Commands',
    '',
    'Generated from `src/cli/commands`. Exit codes: [exit-codes.md](exit-codes.md).',
    '',
    '## Options of every command',
    '',
    ...optionTable(program.options.filter((option) => shared.has(option.long ?? ''))),
    '',
    ...commands.flatMap((command) => section(command, shared)),
  ].join('\n');
}

function commonOptions(program: Command): Set<string> {
  return new Set(program.options.map((option) => option.long ?? ''));
}

function isHidden(command: Command): boolean {
  const visible = command.parent?.createHelp().visibleCommands(command.parent);
  return visible !== undefined && !visible.includes(command);
}

function section(command: Command, shared: Set<string>): string[] {
  const own = command.options.filter(
    (option) =>
      !option.hidden && (!shared.has(option.long ?? '') || option.description !== describedInCommon(command, option)),
  );
  return [
    `## ${nameOf(command)}`,
    '',
    `${sentence(command.description())}`,
    '',
    '```',
    usageOf(command),
    '```',
    '',
    ...argumentLines(command.registeredArguments),
    ...(own.length === 0 ? [] : [...optionTable(own), '']),
    ...examplesOf(command),
  ];
}

/** Text of the option of the same name that all commands share; an own `--version` says something else. */
function describedInCommon(command: Command, option: Option): string {
  let root: Command = command;
  while (root.parent !== null) root = root.parent;
  return root.options.find((common) => common.long === option.long)?.description ?? '';
}

function usageOf(command: Command): string {
  const words = command.registeredArguments.map((argument) =>
    argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
  );
  return [nameOf(command), ...words, '[options]'].join(' ');
}

function argumentLines(given: readonly Argument[]): string[] {
  const lines = given.map((argument) => `- \`${argument.name()}\` ${argument.description}`);
  return lines.length === 0 ? [] : [...lines, ''];
}

function optionTable(options: readonly Option[]): string[] {
  const rows = options.map((option) => {
    const must = option.mandatory ? ' (required)' : '';
    const choices = option.argChoices === undefined ? '' : ` (${option.argChoices.join(', ')})`;
    return `| \`${option.flags.replaceAll('|', '\\|')}\` | ${option.description}${choices}${must} |`;
  });
  return ['| option | meaning |', '| --- | --- |', ...rows];
}

/** The help text behind the options, which every command has. */
function examplesOf(command: Command): string[] {
  const written: string[] = [];
  command.configureOutput({ writeOut: (text) => written.push(text) });
  command.outputHelp();
  const lines = written.join('').split('\n');
  const at = lines.findIndex((line) => /^Examples?:/.test(line));
  const shown = at === -1 ? [] : lines.slice(at + 1).filter((line) => line.trim() !== '');
  return shown.length === 0 ? [] : ['```', ...shown.map((line) => line.replace(/^ {2}/, '')), '```', ''];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
