import { join } from 'node:path';
import type { Effect } from '../../../platform/effect.ts';
import type { Capture } from '../store.ts';
import { ARCHIVE, checkArchiveBytes, invalid, readDescription, type Description } from './description.ts';
import { runTool, type Tools } from './tools.ts';

/**
 * Nothing of the archive was changed, pg_restore reads it to its end, and it belongs to the capture; throws `backup-invalid` otherwise.
 * Without a server: what a restored copy shows is compared when it is staged.
 */
export async function verifyArchive(
  folder: string,
  recorded: Capture,
  { tools, effect }: { tools: Tools; effect: Effect },
): Promise<Description> {
  const description = await readDescription(folder, recorded);
  await checkArchiveBytes(folder, description);
  const inputFile = join(folder, ARCHIVE);
  // `--list` alone takes a truncated archive for a whole one.
  const run = { program: 'pg_restore', arguments: ['--file=/dev/null'], database: null, inputFile } as const;
  const result = await runTool(tools, run, effect);
  if (result.exitCode === 0) return description;
  throw invalid(`pg_restore cannot read the archive: ${result.stderr.trim().split('\n').at(-1) ?? ''}`, inputFile);
}
