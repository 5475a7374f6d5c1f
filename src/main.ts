import { runCli, type CliWiring } from './cli/run-cli.ts';
import { programVersion } from './platform/program-version.ts';

const VERSION = programVersion();

/** Everything is loaded by the command that needs it: `shipway --help` loads none of this. */
const wiring: CliWiring = {
  version: VERSION,
  terminal: { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, environment: process.env },
  async openApp(options) {
    const { openApp } = await import('./wiring/open-app.ts');
    const report = (line: string): void => void (options.verbose && process.stderr.write(`${line}\n`));
    return openApp({ ...options, applicationName: 'command line', report });
  },
  async kinds() {
    return (await import('./wiring/adapters.ts')).kinds;
  },
  async runExecutor({ projectDirectory }) {
    const { findProject } = await import('./wiring/find-project.ts');
    const { runEngine } = await import('./wiring/run-engine.ts');
    return runEngine(findProject(projectDirectory ?? process.cwd(), null).directory);
  },
  async runDemo(options) {
    return (await import('./wiring/run-demo.ts')).runDemo(options);
  },
};

process.exit(await runCli(process.argv.slice(2), wiring));
