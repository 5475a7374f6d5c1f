import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from './free-port.ts';
import { waitUntil } from './wait-until.ts';

// moto: an S3 server that others wrote and test against the real one. It does not check signatures; test/support/fake-s3.ts does.

export interface MotoServer {
  endpoint: string;
  stop(): Promise<void>;
}

/** Null, or why there is none for a test; it is not installed, because Debian has no package of it. */
export function missingMoto(): string | null {
  const found = spawnSync('python3', ['-c', 'import moto.server'], { stdio: 'ignore' });
  return found.status === 0 ? null : "needs moto: pip install 'moto[server]'";
}

export async function startMoto(buckets: string[]): Promise<MotoServer> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const child = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const isUp = async (): Promise<boolean> => {
    try {
      return (await fetch(`${endpoint}/moto-api/`)).ok;
    } catch {
      return false;
    }
  };
  await waitUntil('moto to answer', isUp, { limitSeconds: 120 });
  for (const bucket of buckets) await fetch(`${endpoint}/${bucket}`, { method: 'PUT' });
  return {
    endpoint,
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
