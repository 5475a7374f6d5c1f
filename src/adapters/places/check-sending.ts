import { digestOf, readRange } from '../../platform/file-stream.ts';
import { changedOnTheWay } from './place-problem.ts';
import type { Sending } from './place.ts';

/** Reads the file once before anything is sent: not every server compares what it got with what was promised. */
export async function requireAsPromised({ from, bytes, sha256 }: Sending): Promise<void> {
  const found = await digestOf(readRange(from));
  if (found.bytes !== bytes || found.sha256 !== sha256) throw changedOnTheWay(from);
}
