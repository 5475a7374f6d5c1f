import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { installDebian } from './debian-program.ts';
import { freePort } from './free-port.ts';
import { waitUntil } from './wait-until.ts';

const SSHD = '/usr/sbin/sshd';

/** A real sshd of this test alone, on loopback, with a key, a host key and a configuration of its own. */
export interface SftpServer {
  port: number;
  user: string;
  /** Private key that it lets in. */
  identityFile: string;
  /** A key that it does not know. */
  strangeIdentityFile: string;
  knownHosts: string;
  /** Where a place may lie; of this machine, so that tests can look. */
  directory: string;
  /** Another host key from now on, under the same address. */
  changeHostKey(): Promise<void>;
  /** Ends it and every connection of it, as a crash would. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** Null, or why there is none for a test. */
export function missingSshd(): string | null {
  if (existsSync(SSHD)) return null;
  const fault = installDebian(['openssh-server']);
  return existsSync(SSHD) ? null : `needs sshd: ${fault ?? 'openssh-server brought none'}`;
}

export async function startSftpServer(): Promise<SftpServer> {
  const folder = mkdtempSync(join(tmpdir(), 'shipway-sshd-'));
  chmodSync(folder, 0o700);
  const port = await freePort();
  const at = (name: string): string => join(folder, name);
  for (const name of ['host', 'client', 'strange'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', at(name)]);
  writeFileSync(at('authorized_keys'), readFileSync(at('client.pub')), { mode: 0o600 });
  mkdirSync(at('place'), { mode: 0o700 });
  writeFileSync(at('config'), configuration(folder, port));
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }); // where sshd locks its children in
  writeKnownHosts(folder, port);
  let server: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    server = spawn(SSHD, ['-D', '-e', '-f', at('config')], { stdio: 'ignore', detached: true });
    await waitUntil('sshd to listen', () => isListening(port), { limitSeconds: 60 });
  };
  const kill = async (): Promise<void> => {
    const running = server;
    server = null;
    if (running?.pid === undefined) return;
    const gone = once(running, 'exit');
    // Those that serve a connection are children of it, in sessions of their own.
    for (const pid of [...descendantsOf(running.pid), running.pid]) end(pid);
    await gone;
  };
  await start();
  return {
    port,
    user: userInfo().username,
    identityFile: at('client'),
    strangeIdentityFile: at('strange'),
    knownHosts: at('known_hosts'),
    directory: at('place'),
    async changeHostKey() {
      await kill();
      for (const name of ['host', 'host.pub']) rmSync(at(name));
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at('host')]);
      await start();
    },
    kill,
    start,
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, port: number): string {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${folder}/host`,
    `PidFile ${folder}/pid`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    'AuthenticationMethods publickey',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'MaxStartups 100',
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n');
}

function writeKnownHosts(folder: string, port: number): void {
  const [type = '', key = ''] = readFileSync(join(folder, 'host.pub'), 'utf8').split(' ');
  writeFileSync(join(folder, 'known_hosts'), `[127.0.0.1]:${port} ${type} ${key}\n`);
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'data'); // its greeting
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function descendantsOf(pid: number): number[] {
  const text = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = text
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.flatMap(([id = 0, above = 0]) => (above === parent ? [...below(id), id] : []));
  return below(pid);
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
