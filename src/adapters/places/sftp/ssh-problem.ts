import { problem, type Problem } from '../../../core/release/problem.ts';

export interface SshFailure {
  /** What ssh wrote. */
  stderr: string;
  host: string;
  port: number | undefined;
  where: string;
}

const AGAIN = 'then: shipway backup copy';

/** Why there is no connection, and what to do; ssh says it in words only. */
export function sshProblem(failure: SshFailure): Problem {
  const { stderr, host, port, where } = failure;
  const address = port === undefined ? host : `-p ${port} ${host}`;
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(stderr)) {
    return problem('refused', `the key of ${host} is not the one that is known: it may be another machine`, {
      where,
      next: `Ask who runs it. If the key was really changed: ssh-keygen -R ${port === undefined ? host : `[${host}]:${port}`}, and make the new one known.`,
    });
  }
  if (/Host key verification failed|host key is known/.test(stderr)) {
    return problem('refused', `the key of ${host} is not known, so nothing is sent there`, {
      where,
      next: `Compare its fingerprint with what its owner says: ssh-keyscan ${address} | ssh-keygen -lf -; then put the lines of ssh-keyscan into known_hosts, or into the file of known-hosts.`,
    });
  }
  if (/UNPROTECTED PRIVATE KEY FILE|bad permissions/.test(stderr)) {
    return problem('not-permitted', 'ssh does not use the identity file, because others can read it', {
      where,
      next: `chmod 600 on the file of identity-file, ${AGAIN}`,
    });
  }
  if (/Permission denied \(|Too many authentication failures|No supported authentication/.test(stderr)) {
    return problem('not-permitted', `${host} does not let this user in with this key`, {
      where,
      next: `Look at user and identity-file, and whether the key stands in authorized_keys there (ssh ${address}), ${AGAIN}`,
    });
  }
  if (/subsystem request failed/.test(stderr)) {
    return problem('config-invalid', `${host} lets this user in, but offers no SFTP`, {
      where,
      next: 'Enable it there: Subsystem sftp internal-sftp in sshd_config.',
    });
  }
  return unreachable(failure);
}

const REASONS: [pattern: RegExp, reason: string, next: string][] = [
  [/Could not resolve hostname/, 'the name was not found', 'Check the host name.'],
  [/Connection refused/, 'the connection was refused', 'Check that sshd runs there, and the port.'],
  [/timed out|Timeout/i, 'it did not answer in time', 'Check the address and the firewall.'],
  [/No route to host|Network is unreachable/, 'there is no way to it', 'Check the network.'],
];

function unreachable({ stderr, host, where }: SshFailure): Problem {
  const [, reason, next] = REASONS.find(([pattern]) => pattern.test(stderr)) ?? [];
  const last = stderr.split('\n').at(-1)?.trim() ?? '';
  const why = reason ?? (last === '' ? 'the connection ended' : `ssh says: ${last.slice(0, 300)}`);
  return problem('unreachable', `${host} cannot be reached: ${why}`, {
    where,
    next: next ?? `Try it by hand: ssh ${host}`,
    retry: true,
  });
}
