import type { Command } from 'commander';
import type { App } from '../app/app.ts';
import type { Kinds } from '../core/config/kinds.ts';
import type { Screen } from './output/screen.ts';
import type { Streams, Terminal } from './terminal.ts';

/** The options that every command understands. */
export interface CommonOptions {
  json: boolean;
  yes: boolean;
  /** False with --no-input. */
  input: boolean;
  env: string | null;
  config: string | null;
  dryRun: boolean;
  verbose: boolean;
  /** False with --no-color. */
  color: boolean;
}

/** How the command line opens everything below it; src/main.ts hands it in. */
export interface CliWiring {
  version: string;
  terminal: Streams;
  openApp(options: OpenOptions): Promise<OpenApp>;
  /** The adapters that exist, for the schema of the release file. */
  kinds(): Promise<Kinds>;
  /** Runs releases until none is left; the hidden command `engine`. */
  runExecutor(options: { projectDirectory: string | null }): Promise<number>;
  runDemo(options: DemoOptions): Promise<number>;
}

export interface OpenOptions {
  /** null: the folder of the release file, searched from here upwards. */
  projectDirectory: string | null;
  /** --config, or null. */
  configPath: string | null;
  verbose: boolean;
}

export type OpenApp = App & { close(): Promise<void> };

export interface DemoOptions {
  /** Where the demo works; null for a new folder of its own. */
  directory: string | null;
  /** Leaves the services running and the folder in place. */
  keep: boolean;
  color: boolean;
}

/** What the action of one command works with. */
export interface Session {
  options: CommonOptions;
  screen: Screen;
  terminal: Terminal;
  wiring: CliWiring;
  /** Opened when first asked for, closed when the command ends. */
  app: () => Promise<App>;
}

/** One action: returns the exit code. */
export type Action = (session: Session) => Promise<number>;

/** How a command hands its action over; options are read from the command. */
export type Run = (command: Command, action: Action) => Promise<void>;

/** Declares one command. */
export type Registration = (program: Command, run: Run) => void;
