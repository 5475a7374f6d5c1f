import { resolve as resolvePath } from 'node:path';
import { bindVariables } from '../core/release/bind-variables.ts';
import { problem } from '../core/release/problem.ts';
import type { Effect } from './effect.ts';
import { redact } from './redact.ts';

/** A command as the release file declares it: variables unresolved, directory relative to the project. */
export interface DeclaredCommand {
  argv: string[];
  directory: string;
  env: Record<string, string>;
}

export interface ResolvedCommand {
  argv: string[];
  cwd: string;
  environment: Record<string, string>;
}

/**
 * Makes a declared command ready to run. The bindings (VERSION, PORT…) come before all other variables and are in the environment too,
 * where an entry of `env` with the same name wins. Throws `variable-missing`, and `config-invalid` when an argument would hold a secret.
 */
export function resolveCommand(
  declared: DeclaredCommand,
  bindings: Record<string, string>,
  effect: Effect,
): ResolvedCommand {
  const resolve = (text: string) => effect.resolve(bindVariables(text, bindings));
  const env = Object.fromEntries(Object.entries(declared.env).map(([name, text]) => [name, resolve(text)]));
  return {
    argv: declared.argv.map((text) => publicArgument(text, resolve(text))),
    cwd: resolvePath(effect.projectDirectory, resolve(declared.directory)),
    environment: { ...effect.environment({}), ...bindings, ...env },
  };
}

// Every user of the machine reads the arguments of every process (`ps`), so a secret may not become one.
function publicArgument(text: string, resolved: string): string {
  if (text === resolved || redact(resolved) === resolved) return resolved;
  throw problem('config-invalid', `the argument "${text}" would show a secret in the process list`, {
    next: 'Pass it in `env` and let the program read its environment.',
  });
}
