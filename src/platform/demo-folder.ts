import { chmod, mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder for one run of the demo. Others may walk through it: under root, PostgreSQL runs as another user. */
export async function openDemoFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'shipway-demo-')));
  await chmod(folder, 0o755);
  return folder;
}
