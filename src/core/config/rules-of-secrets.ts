import type { Json } from '../release/json.ts';
import { isSecretName } from '../release/secret-name.ts';
import type { ConfigPath } from './config-problem.ts';
import { textsAt } from './raw-file.ts';
import type { Findings } from './rules.ts';

/** Names that shipway itself gives values; the environment cannot. */
export const BUILT_IN_NAMES = [
  'VERSION',
  'PREVIOUS_VERSION',
  'COMMIT',
  'PORT',
  'HOST',
  'BASE',
  'RELEASE',
  'ENVIRONMENT',
  'SERVICE',
  'REVISION',
  'SCRATCH_DATABASE',
  'SCRATCH_PATH',
];

/** Keys whose lists become command lines. */
const COMMAND_KEYS = [
  'run',
  'argv',
  'command',
  'deploy',
  'observe',
  'revert',
  'up',
  'down',
  'revision',
  'through',
  'copy-with',
  'stop',
  'start',
  'backup',
  'restore',
  'check',
  'fingerprint',
  'size',
  'swap',
  'swap-back',
  'discard',
];
const REFERENCE = /\$(?:\$|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;
// An address of a service that asks for a password usually carries it.
const ADDRESS_WITH_PASSWORD =
  /(^|_)(DATABASE|DB|PG|POSTGRES(QL)?|MYSQL|MARIADB|MONGO(DB)?|REDIS|VALKEY|AMQP|RABBITMQ|SMTP|BROKER|CONNECTION|SCRATCH)_(URL|URI|STRING)$/i;

/** The lists of `variables` do not contradict each other or the built-in names. */
export function checkVariables(root: Json, findings: Findings): void {
  const isPublic = new Set(textsAt(root, ['variables', 'public']).map(([, name]) => name));
  for (const [index, name] of textsAt(root, ['variables', 'secret'])) {
    const path = ['variables', 'secret', index];
    if (isPublic.has(name)) {
      findings.problems.push({
        path,
        message: 'is declared secret and public',
        fix: 'Keep it in one of the two lists.',
      });
    }
    if (BUILT_IN_NAMES.includes(name)) {
      findings.problems.push({
        path,
        message: 'is a name that shipway itself gives a value',
        fix: 'Remove it; built-in names are never secret.',
      });
    }
  }
}

/** No secret in a command line: every user of the machine can read the arguments of every process. */
export function checkArguments(root: Json, findings: Findings): void {
  const secret = new Set(textsAt(root, ['variables', 'secret']).map(([, name]) => name));
  const open = new Set([...textsAt(root, ['variables', 'public']).map(([, name]) => name), ...BUILT_IN_NAMES]);
  for (const { path, text } of commandTexts(root, [])) {
    for (const match of text.matchAll(REFERENCE)) {
      const name = match[1] ?? match[2];
      if (name === undefined || (open.has(name) && !secret.has(name))) continue;
      const fix = `Pass it by env: { ${name}: $${name} } and read it in the program (in a shell line write $$${name}).`;
      const place = { path, offset: match.index, found: match[0] };
      if (secret.has(name) || isSecretName(name)) {
        const reason = secret.has(name) ? '' : ` If it is none, list it in variables.public.`;
        findings.problems.push({
          ...place,
          message: 'is a secret in a command line, which every user of the machine can read in the process list',
          fix: fix + reason,
        });
      } else if (ADDRESS_WITH_PASSWORD.test(name)) {
        findings.warnings.push({
          ...place,
          message: 'may contain a password, and every user of the machine can read command lines in the process list',
          fix: `${fix} If it has none, list it in variables.public.`,
        });
      }
    }
  }
}

function* commandTexts(value: Json, path: ConfigPath): Generator<{ path: ConfigPath; text: string }> {
  if (value === null || typeof value !== 'object') return;
  for (const [key, child] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const below = [...path, key];
    if (typeof child === 'string' && COMMAND_KEYS.includes(commandKeyOf(below))) yield { path: below, text: child };
    else yield* commandTexts(child, below);
  }
}

/** The key a text stands under, whatever lists are between. Names that the person chose (of variables, of headers) are not keys. */
function commandKeyOf(path: ConfigPath): string {
  const keys = path.filter((part) => typeof part === 'string');
  return keys.at(-2) === 'env' || keys.at(-2) === 'headers' ? '' : (keys.at(-1) ?? '');
}
