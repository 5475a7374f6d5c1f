import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianProgram, mayInstall } from './debian-program.ts';
import { waitUntil } from './wait-until.ts';

/** Has sh, mv, tar and the like; nothing else. Made here, because no registry is asked. */
export const TEST_IMAGE = 'shipway-test/busybox:1';
const START_LIMIT_SECONDS = 60;

export interface DockerHost {
  /** Why tests with docker are skipped, for their title; empty when they run. */
  reason: string;
  /** Where docker keeps its volumes, as root sees it; empty when tests are skipped. */
  volumes: string;
}

/** Runs docker to its end; throws when it fails. */
export function docker(...words: string[]): string {
  return execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** The folder of a volume's data. */
export function dataOf(host: DockerHost, volume: string): string {
  return join(host.volumes, volume, '_data');
}

/**
 * The docker daemon of this machine with TEST_IMAGE in it. Client, daemon and image are installed, started and made when that is allowed
 * (root, and CI or the full mode); the daemon is left running, as that of a developer is.
 */
export async function dockerHost(): Promise<DockerHost> {
  const client = debianProgram('docker', 'docker.io');
  if (client.path === null) return skipped(client.reason);
  if (!isUp()) {
    const fault = mayInstall()
      ? await startDaemon()
      : 'needs a docker daemon that runs, or SHIPWAY_TEST_FULL=1 as root';
    if (fault !== null) return skipped(fault);
  }
  if (process.getuid?.() !== 0) return skipped('looks at the files of docker volumes, so it needs root');
  const fault = hasImage() ? null : makeImage();
  return fault === null
    ? { reason: '', volumes: join(docker('info', '--format', '{{.DockerRootDir}}'), 'volumes') }
    : skipped(fault);
}

function skipped(reason: string): DockerHost {
  return { reason, volumes: '' };
}

const isUp = (): boolean => spawnSync('docker', ['version'], { stdio: 'ignore' }).status === 0;
const hasImage = (): boolean => spawnSync('docker', ['image', 'inspect', TEST_IMAGE], { stdio: 'ignore' }).status === 0;

async function startDaemon(): Promise<string | null> {
  const daemon = debianProgram('dockerd', 'docker.io');
  if (daemon.path === null) return daemon.reason;
  const folder = mkdtempSync(join(tmpdir(), 'shipway-dockerd-'));
  const log = openSync(join(folder, 'log'), 'a');
  // A second one, started by another test file, sees the first one's pid file and ends.
  spawn(daemon.path, [], { detached: true, stdio: ['ignore', log, log] }).unref();
  try {
    await waitUntil('the docker daemon to answer', isUp, { limitSeconds: START_LIMIT_SECONDS });
    return null;
  } catch {
    return `dockerd does not start: ${join(folder, 'log')} says why`;
  }
}

/** One static program under all its names, as an image. */
function makeImage(): string | null {
  if (!mayInstall()) return `needs the image ${TEST_IMAGE}, or SHIPWAY_TEST_FULL=1 as root`;
  const folder = mkdtempSync(join(tmpdir(), 'shipway-image-'));
  try {
    // Downloaded and not installed: it would replace a busybox that is there.
    execFileSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', 'download', 'busybox-static'], {
      cwd: folder,
      stdio: 'ignore',
    });
    const [packed] = readdirSync(folder).filter((name) => name.endsWith('.deb'));
    execFileSync('dpkg', ['-x', packed ?? '', 'package'], { cwd: folder, stdio: 'ignore' });
    const program = join(folder, 'package/bin/busybox');
    for (const name of ['bin', 'etc', 'tmp']) mkdirSync(join(folder, 'root', name), { recursive: true });
    cpSync(program, join(folder, 'root/bin/busybox'));
    const applets = execFileSync(program, ['--list'], { encoding: 'utf8' }).trim().split('\n');
    for (const name of applets) if (name !== 'busybox') symlinkSync('busybox', join(folder, 'root/bin', name));
    writeFileSync(join(folder, 'root/etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
    execFileSync('tar', ['-C', join(folder, 'root'), '-cf', join(folder, 'root.tar'), '.']);
    docker('import', '-c', 'ENV PATH=/bin', '-c', 'CMD ["sh"]', join(folder, 'root.tar'), TEST_IMAGE);
    return null;
  } catch (error) {
    return `the image ${TEST_IMAGE} cannot be made: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Containers and volumes whose names begin so; what a test left goes with it. */
export function removeDockerNames(prefix: string): void {
  const containers = docker('ps', '--all', '--quiet', '--filter', `name=^${prefix}`).split('\n').filter(Boolean);
  const helpers = docker('ps', '--all', '--quiet', '--filter', 'label=shipway.helper').split('\n').filter(Boolean);
  const ours = helpers.filter((id) =>
    docker('inspect', '--format', '{{index .Config.Labels "shipway.helper"}}', id).startsWith(prefix),
  );
  if (containers.length + ours.length > 0) docker('rm', '--force', ...containers, ...ours);
  const volumes = volumesNamed(prefix);
  if (volumes.length > 0) docker('volume', 'rm', '--force', ...volumes);
}

export function volumesNamed(prefix: string): string[] {
  const names = docker('volume', 'ls', '--quiet').split('\n');
  return names.filter((name) => name.startsWith(prefix)).sort();
}
