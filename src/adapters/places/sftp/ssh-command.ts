import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { factsOf } from '../../../platform/file-tree.ts';
import type { SftpSettings } from './settings.ts';

const CONNECT_SECONDS = 20;
const ALIVE_SECONDS = 15; // four times without an answer, and ssh ends

/**
 * The command line of ssh. It never asks anybody anything, and a host whose key is not known is refused: whoever answers at an address
 * would be given every backup otherwise.
 */
export async function sshCommand(settings: SftpSettings, effect: Effect): Promise<string[]> {
  const { host, port, user } = settings;
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `ConnectTimeout=${CONNECT_SECONDS}`,
    `ServerAliveInterval=${ALIVE_SECONDS}`,
    'ServerAliveCountMax=4',
    'ForwardAgent=no',
    'ForwardX11=no',
    'ClearAllForwardings=yes',
    'PermitLocalCommand=no',
  ];
  const identity = await fileOf(settings['identity-file'], 'identity-file', effect);
  if (identity !== null) options.push('IdentitiesOnly=yes', `IdentityFile=${quoted(identity)}`);
  const known = await fileOf(settings['known-hosts'], 'known-hosts', effect);
  if (known !== null) options.push(`UserKnownHostsFile=${quoted(known)}`, 'GlobalKnownHostsFile=none');
  return [
    'ssh',
    ...options.flatMap((option) => ['-o', option]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    '-s',
    '--',
    host,
    'sftp',
  ];
}

/** Absolute; `~/` is the home of this user, everything else relative to the project. */
async function fileOf(written: string | undefined, key: string, effect: Effect): Promise<string | null> {
  if (written === undefined) return null;
  const text = effect.resolve(written);
  const path = text.startsWith('~/') ? join(homedir(), text.slice(2)) : resolve(effect.projectDirectory, text);
  if ((await factsOf(path)) !== null) return path;
  throw problem('not-found', `the file of ${key} is not there`, {
    where: path,
    next: `Write a path that is there: ${key} under backups.copies.`,
  });
}

/** As ssh reads the value of an option: % begins a token, and white space ends a word. */
function quoted(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`;
}
