import { createHash } from 'node:crypto';
import { problem } from '../../../core/release/problem.ts';
import { pathOf, type QdrantKind, type QdrantServer } from './client.ts';
import { canonicalText } from './content.ts';
import type { QdrantSettings } from './settings.ts';

/** Names that lead to collections: alias → collection. */
export type Aliases = Map<string, string>;

export interface CollectionFacts {
  name: string;
  /** green, yellow (it optimizes), grey (it will) or red (an operation failed). */
  status: string;
  points: number;
  /** Digest of what it was made with: vectors, distances, shards, indexes of payload. */
  parameters: string;
  /** Estimate of its vectors in bytes, by count and size. */
  bytes: number;
}

export async function readVersion(server: QdrantServer, kind: QdrantKind): Promise<string> {
  const cluster = (await server.find('/cluster')) as { status?: string; peers?: object } | null;
  if (cluster?.status === 'enabled' && Object.keys(cluster.peers ?? {}).length > 1) {
    throw problem(kind, 'this server is one of several nodes, and a snapshot holds the data of one node', {
      where: server.shown,
      next: 'Use the backups of the cluster, or the `command` store.',
    });
  }
  return `qdrant ${await server.version()}`;
}

export async function readAliases(server: QdrantServer): Promise<Aliases> {
  const answer = (await server.call('GET', '/aliases')) as {
    aliases: { alias_name: string; collection_name: string }[];
  };
  return new Map(answer.aliases.map((found) => [found.alias_name, found.collection_name]));
}

export async function listCollections(server: QdrantServer): Promise<string[]> {
  const answer = (await server.call('GET', '/collections')) as { collections: { name: string }[] };
  return answer.collections.map(({ name }) => name).sort();
}

/** Null when there is none; an alias is followed. */
export async function readCollection(server: QdrantServer, name: string): Promise<CollectionFacts | null> {
  const found = (await server.find(pathOf(name))) as {
    status: string;
    points_count?: number | null;
    config: { params: { vectors?: unknown } };
    payload_schema?: Record<string, { data_type?: unknown; params?: unknown }>;
  } | null;
  if (found === null) return null;
  const schema = Object.entries(found.payload_schema ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { data_type, params }]) => [key, data_type ?? null, params ?? null]);
  const made = canonicalText([found.config.params, schema]);
  const points = found.points_count ?? 0;
  return {
    name,
    status: found.status,
    points,
    parameters: createHash('sha256').update(made).digest('hex'),
    bytes: points * numbersIn(found.config.params.vectors) * 4,
  };
}

/** Numbers of one point over all its vectors, as far as they are declared. */
function numbersIn(vectors: unknown): number {
  if (typeof vectors !== 'object' || vectors === null) return 0;
  const { size } = vectors as { size?: unknown };
  if (typeof size === 'number') return size;
  return Object.values(vectors).reduce((sum: number, one) => sum + numbersIn(one), 0);
}

/** Which collections the store means: those of the settings with aliases followed, or all that are not ours. */
export async function chosenCollections(
  server: QdrantServer,
  { settings, aliases, kind }: { settings: QdrantSettings; aliases: Aliases; kind: QdrantKind },
): Promise<string[]> {
  const present = (await listCollections(server)).filter((name) => !isScratch(name));
  const wanted = settings.collections?.map((name) => aliases.get(name) ?? name) ?? present;
  const missing = wanted.find((name) => !present.includes(name));
  if (missing === undefined && wanted.length > 0) return [...new Set(wanted)].sort();
  throw problem(kind, missing === undefined ? 'there is no collection' : `there is no collection ${missing}`, {
    where: server.shown,
    next: 'Correct "collections" of the store, or its url.',
  });
}

/** The name of a restored copy that is only looked at. */
export function scratchName(collection: string, id: string): string {
  return `${baseOf(collection)}__proof_${id}`;
}

export function isScratch(name: string, id?: string): boolean {
  return id === undefined ? /__proof_[a-z2-7]+$/.test(name) : name.endsWith(`__proof_${id}`);
}

/** Without what a restore appended: a name must not grow with each. */
export function baseOf(collection: string): string {
  return collection.replace(/__r[0-9a-f]{12}$/, '');
}
