import { createHash } from 'node:crypto';
import { problem } from '../../../core/release/problem.ts';
import { pathOf, type QdrantServer } from './client.ts';

/** What is in a collection, as a digest: points with id, payload and vectors, in whatever order. */
export interface CollectionContent {
  points: number;
  digest: string;
}

const MODULUS = 1n << 256n;
const PAGE_POINTS = 128; // with four vectors of 4096 numbers each, 20 MB as JSON

interface Page {
  points: { id: number | string }[];
  next_page_offset: number | string | null;
}

/** Reads a collection that nobody writes to its end. */
export async function readContent(
  server: QdrantServer,
  collection: string,
  signal: AbortSignal,
): Promise<CollectionContent> {
  const content = await readPoints(server, collection, signal);
  const counted = await countPoints(server, collection);
  if (counted === content.points) return content;
  throw problem('check-failed', `${collection}: ${content.points} points were read, the server counts ${counted}`, {
    where: server.shown,
    next: 'Somebody writes into it; let nobody but shipway use collections whose names it made.',
    retry: true,
  });
}

/** The same, whoever writes meanwhile; a page at a time is in memory. */
export async function readPoints(
  server: QdrantServer,
  collection: string,
  signal: AbortSignal,
): Promise<CollectionContent> {
  let sum = 0n;
  let points = 0;
  for (let offset: Page['next_page_offset'] = null; ;) {
    signal.throwIfAborted();
    const from = offset === null ? '' : `,"offset":${offsetText(offset)}`;
    const body = `{"limit":${PAGE_POINTS},"with_payload":true,"with_vector":true${from}}`;
    const page = (await server.call('POST', pathOf(collection, '/points/scroll'), body)) as Page;
    for (const point of page.points) {
      const digest = createHash('sha256').update(canonicalText(point)).digest('hex');
      sum = (sum + BigInt(`0x${digest}`)) % MODULUS;
      points += 1;
    }
    offset = page.next_page_offset ?? null;
    if (offset === null) break;
  }
  return { points, digest: sum.toString(16).padStart(64, '0') };
}

/** All of them, not an estimate. */
export async function countPoints(server: QdrantServer, collection: string): Promise<number> {
  const answer = await server.call('POST', pathOf(collection, '/points/count'), '{"exact":true}');
  return (answer as { count: number }).count;
}

/** A long number came as text (client.ts) and goes back as the number it is; other texts are UUIDs. */
function offsetText(offset: number | string): string {
  return typeof offset === 'string' && !/^\d+$/.test(offset) ? JSON.stringify(offset) : String(offset);
}

/** Keys sorted at every depth: a server lists them as it likes. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalText(inner)}`).join(',')}}`;
}
