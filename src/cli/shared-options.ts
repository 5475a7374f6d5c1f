import { InvalidArgumentError, type Command } from 'commander';
import type { CommonOptions } from './session.ts';

/** Gives a command the options that all of them have, unless it has one of that name for itself. */
export function addCommonOptions(command: Command, version: string): void {
  const own = new Set(command.options.map((option) => option.long));
  command
    .option('-e, --env <name>', 'environment, where the release file has several')
    .option('-c, --config <file>', 'release file (default: shipway.yaml here or in a folder above)')
    .option('--json', 'print JSON, also for errors; a release prints one event per line')
    .option('-y, --yes', 'answer confirmations with yes; never an approval')
    .option('--no-input', 'never ask; end with exit code 3 where a question would be needed')
    .option('--dry-run', 'print what would be done and change nothing')
    .option('--verbose', 'print more about errors')
    .option('--no-color', 'no colours (also: NO_COLOR=1)')
    .helpOption('-h, --help', 'print this help');
  if (!own.has('--version')) command.version(version, '--version', 'print the version');
}

/** The common options as given, before the command's name or behind it. What stands nearest to the command counts. */
export function readCommonOptions(command: Command): CommonOptions {
  const chain: Command[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) chain.push(at);
  const given = <T>(name: string, otherwise: T): T => {
    const from = chain.find((one) => one.getOptionValueSource(name) === 'cli');
    return from === undefined ? otherwise : (from.getOptionValue(name) as T);
  };
  return {
    json: given('json', false),
    yes: given('yes', false),
    input: given('input', true),
    env: given<string | null>('env', null),
    config: given<string | null>('config', null),
    dryRun: given('dryRun', false),
    verbose: given('verbose', false),
    color: given('color', true),
  };
}

/** A reason is kept in the journal and read years later: nothing, or blanks, is none. */
export function parseReason(text: string): string {
  const reason = text.trim();
  if (reason !== '') return reason;
  throw new InvalidArgumentError('It is empty: write a few words that somebody else understands later.');
}
