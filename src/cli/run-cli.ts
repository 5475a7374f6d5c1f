import { CommanderError, type Command } from 'commander';
import { readCommonOptions } from './shared-options.ts';
import { createProgram, nameOf } from './create-program.ts';
import { exitCode } from './exit-codes.ts';
import { createScreen, type Screen } from './output/screen.ts';
import { printProblem } from './print-problem.ts';
import type { Action, CliWiring, CommonOptions, OpenApp, Session } from './session.ts';
import { terminalOn } from './terminal.ts';
import { problem, type Problem } from '../core/release/problem.ts';

export type { CliWiring } from './session.ts';

/** Runs one command line (without node and script) and returns its exit code. Never throws. */
export async function runCli(argv: string[], wiring: CliWiring): Promise<number> {
  const terminal = terminalOn(wiring.terminal);
  const screen = createScreen(terminal, { json: argv.includes('--json'), color: !argv.includes('--no-color') });
  const written = { error: '' };
  let code = 0;
  const run = async (command: Command, action: Action): Promise<void> => {
    code = await runAction(action, readCommonOptions(command), { screen, terminal, wiring });
  };
  const program = createProgram(wiring.version, run, {
    out: (text) => screen.line(text.replace(/\n$/, '')),
    error: (text) => (written.error += text),
    columns: () => terminal.columns(),
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      return endOfParsing(error, { written: written.error, command: commandIn(program, argv) }, screen);
    }
    return printProblem(screen, error, { verbose: argv.includes('--verbose') });
  }
}

async function runAction(
  action: Action,
  options: CommonOptions,
  { screen, terminal, wiring }: Pick<Session, 'screen' | 'terminal' | 'wiring'>,
): Promise<number> {
  let opened: Promise<OpenApp> | null = null;
  const session: Session = {
    options,
    screen,
    wiring,
    terminal,
    app: () =>
      (opened ??= wiring.openApp({
        projectDirectory: null,
        configPath: options.config,
        verbose: options.verbose,
      })),
  };
  try {
    return await action(session);
  } finally {
    screen.live(null);
    const app = await (opened as Promise<OpenApp> | null)?.catch(() => null);
    await app?.close();
  }
}

/** Help and version end the parsing too. Everything else is wrong usage: one clear error, with what was probably meant. */
function endOfParsing(
  error: CommanderError,
  { written, command }: { written: string; command: Command },
  screen: Screen,
): number {
  if (error.exitCode === 0) return exitCode('done');
  if (error.code === 'commander.help' && !screen.isJson) {
    screen.note(written.trimEnd());
    return exitCode('usage');
  }
  return printProblem(screen, usageProblem(error, command), { verbose: false });
}

/** The command that was meant, as far as its words are right. */
function commandIn(program: Command, argv: readonly string[]): Command {
  let found = program;
  for (const word of argv) found = found.commands.find((one) => one.name() === word) ?? found;
  return found;
}

function usageProblem(error: CommanderError, command: Command): Problem {
  if (error.code === 'commander.help') return problem('usage', 'no command was given', { next: 'shipway --help' });
  const [message = '', ...hints] = error.message.replace(/^error: /, '').split('\n');
  const hint = hints.join(' ').replace(/^\((.*)\)$/, '$1');
  if (hint !== '') return problem('usage', message, { next: hint });
  const [wanted] = command.registeredArguments;
  const isMissing = error.code === 'commander.missingArgument' && wanted !== undefined;
  const give = isMissing ? `Give ${wanted.name()}: ${wanted.description}. ` : '';
  return problem('usage', message, { next: `${give}See: ${nameOf(command)} --help` });
}
