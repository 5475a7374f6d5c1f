import { problem, type Problem } from '../core/release/problem.ts';
import { isSecretName } from '../core/release/secret-name.ts';
import { decodeUrlPart } from './decode-url-part.ts';
import { parseEnvFile, readEnvFile } from './env-file.ts';
import { registerSecret } from './redact.ts';

// The release file judges names by the same rule before anything is resolved.
export { isSecretName };

export interface VariableSources {
  /** Absolute path of a KEY=value file, or null. */
  envFile: string | null;
  processEnvironment: Record<string, string | undefined>;
  /** Declared secret whatever the name looks like. */
  secretNames: string[];
  /** Declared public although the name looks secret. */
  publicNames: string[];
}

export interface Variables {
  /** Replaces $NAME and ${NAME}; "$$" is a dollar. `extra` wins over everything. Throws `variable-missing` with the name. */
  resolve(text: string, extra?: Record<string, string>): string;
  /** Names used in the text that have no value. */
  missingIn(text: string, extra?: Record<string, string>): string[];
  value(name: string): string | null;
  isSecret(name: string): boolean;
  /** The environment of a child process: what every program needs (PATH, HOME, TMPDIR…) and `extra`, resolved. Nothing else leaks in. */
  environment(extra: Record<string, string>): Record<string, string>;
  /** Names the env file sets to something else than the surrounding environment; the file wins. */
  overridden(): string[];
}

// What programs need to run at all. A secret of the person's shell is not among it: a child gets only what the release file names.
const PASSED_ON =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|TEMP|TMP|TERM|SystemRoot|ComSpec|PATHEXT|XDG_RUNTIME_DIR|SSH_AUTH_SOCK|DOCKER_HOST|DOCKER_CONFIG|KUBECONFIG|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|(HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy)$/;

/**
 * The values $NAMES stand for: the env file first, then the surrounding environment, and every secret among them registered for masking.
 * The file wins because it belongs to one environment: a DATABASE_URL left in a shell must not send a release to another database.
 */
export function loadVariables(sources: VariableSources): Variables {
  const fromFile = sources.envFile === null ? {} : parseEnvFile(readEnvFile(sources.envFile), sources.envFile);
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(sources.processEnvironment))
    if (value !== undefined) values.set(name, value);
  const overridden = Object.keys(fromFile).filter((name) => values.has(name) && values.get(name) !== fromFile[name]);
  for (const [name, value] of Object.entries(fromFile)) values.set(name, value);
  const isSecret = (name: string): boolean =>
    sources.secretNames.includes(name) || (isSecretName(name) && !sources.publicNames.includes(name));
  for (const [name, value] of values) registerVariable(name, value, isSecret(name));
  const lookUp = (extra: Record<string, string>) => (name: string) =>
    Object.hasOwn(extra, name) ? (extra[name] ?? null) : (values.get(name) ?? null);
  const resolve = (text: string, extra: Record<string, string> = {}): string =>
    substitute(text, lookUp(extra), (name) => {
      throw missing(name, text, sources.envFile);
    });
  return {
    resolve,
    missingIn: (text, extra = {}) => missingNames(text, lookUp(extra)),
    value: (name) => values.get(name) ?? null,
    isSecret,
    environment: (extra) => childEnvironment(values, extra, resolve),
    overridden: () => overridden.sort(),
  };
}

function childEnvironment(
  values: Map<string, string>,
  extra: Record<string, string>,
  resolve: (text: string) => string,
): Record<string, string> {
  const passed = [...values].filter(([name]) => PASSED_ON.test(name));
  const given = Object.entries(extra).map(([name, text]): [string, string] => [name, resolve(text)]);
  return Object.fromEntries([...passed, ...given]);
}

// A URL with a password in it is not secret as a whole: its host is what a person needs to see when it cannot be reached.
const URL_PASSWORD = /[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:([^\s@]+)@/gi;

function registerVariable(name: string, value: string, isSecret: boolean): void {
  if (isSecret) registerSecret(name, value);
  for (const [, password] of value.matchAll(URL_PASSWORD)) {
    if (password === undefined) continue;
    registerSecret(name, password);
    registerSecret(name, decodeUrlPart(password));
  }
}

const REFERENCE = /\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;

/** Names of the variables that the text refers to, sorted. */
export function referencesIn(text: string): string[] {
  return missingNames(text, () => null);
}

function substitute(
  text: string,
  valueOf: (name: string) => string | null,
  onMissing: (name: string) => string,
): string {
  return text.replace(REFERENCE, (whole: string, plain?: string, braced?: string) => {
    if (whole === '$$') return '$';
    const name = plain ?? braced ?? '';
    return valueOf(name) ?? onMissing(name);
  });
}

function missingNames(text: string, valueOf: (name: string) => string | null): string[] {
  const names = new Set<string>();
  substitute(text, valueOf, (name) => {
    names.add(name);
    return '';
  });
  return [...names].sort();
}

function missing(name: string, text: string, envFile: string | null): Problem {
  const place = envFile === null ? 'the environment' : `${envFile} or the environment`;
  return problem('variable-missing', `$${name} has no value`, {
    where: text,
    next: `Set ${name} in ${place}; write $$${name} if a dollar sign was meant.`,
  });
}
