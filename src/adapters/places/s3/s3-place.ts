import type { Effect } from '../../../platform/effect.ts';
import { problem } from '../../../core/release/problem.ts';
import { readRange } from '../../../platform/file-stream.ts';
import { requireAsPromised } from '../check-sending.ts';
import type { Place, PlacedFile, Sending } from '../place.ts';
import { elementsIn, textIn } from './read-xml.ts';
import { openS3Client, type S3Client } from './s3-client.ts';
import { copyInParts, sendInParts } from './send-parts.ts';
import type { S3Settings } from './settings.ts';
import { encodePath } from './sign-request.ts';

const MIB = 1024 * 1024;
/** Above this a file is sent in parts of this size: what is lost with a connection is at most one of them. */
const PART_BYTES = 64 * MIB;
/** Above this the server is asked to copy in parts: it says nothing while it copies, and one request may copy 5 GiB at most. */
const COPY_BYTES = 512 * MIB;
const PAGES_MAX = 10_000; // of a thousand names each

/** A bucket of a server that speaks S3, addressed by its path (`https://host/bucket/name`). */
export function openS3Place(settings: S3Settings, effect: Effect, partBytes = PART_BYTES): Place {
  const client = openS3Client(settings, effect);
  return {
    where: client.where,
    async names() {
      const { objects, folders } = await list(client, '', '/');
      return { folders, files: objects.map(({ path }) => path) };
    },
    files: async (folder) => (await list(client, `${folder}/`, null)).objects,
    async find(path) {
      const bytes = await sizeOf(client, path);
      return bytes === null ? null : { path, bytes };
    },
    async send(path, sending) {
      await requireAsPromised(sending);
      if (sending.bytes > partBytes) await sendInParts(client, path, sending, { partBytes, effect });
      else await sendWhole(client, path, sending);
    },
    link: (from, to) => link(client, { from, to }),
    read: (path, from = 0) => read(client, path, from),
    async remove(path) {
      await client.text({ method: 'DELETE', path }, [404]);
    },
    removeFolder: async () => undefined,
    close: async () => undefined,
  };
}

async function sendWhole(client: S3Client, path: string, { from, bytes, sha256 }: Sending): Promise<void> {
  await client.text({ method: 'PUT', path, body: { chunks: () => readRange(from, { bytes }), bytes, sha256 } });
}

async function sizeOf(client: S3Client, path: string): Promise<number | null> {
  const { status, headers } = await client.text({ method: 'HEAD', path }, [404]);
  return status === 404 ? null : Number(headers['content-length'] ?? Number.NaN);
}

/** The server copies; a file that is not there any more is nothing to link. */
async function link(client: S3Client, { from, to }: { from: string; to: string }): Promise<boolean> {
  const bytes = await sizeOf(client, from);
  if (bytes === null) return false;
  if (bytes > COPY_BYTES) {
    await copyInParts(client, { from, to, bytes }, COPY_BYTES);
    return true;
  }
  const headers = { 'x-amz-copy-source': `/${client.bucket}/${encodePath(client.keyOf(from))}` };
  // Servers that do not copy say so with these.
  const { status } = await client.text({ method: 'PUT', path: to, headers }, [405, 501]);
  return status < 300;
}

async function* read(client: S3Client, path: string, from: number): AsyncIterable<Buffer> {
  const range = from === 0 ? {} : { range: `bytes=${from}-` };
  const answer = await client.open({ method: 'GET', path, ...range }, [416]);
  try {
    if (answer.status === 416) return; // nothing is left behind the end
    if (from > 0 && answer.status !== 206) throw noRanges(path);
    yield* answer.body;
  } finally {
    await answer.close();
  }
}

function noRanges(path: string): Error {
  return problem('backup-failed', 'the connection broke, and the server does not send the rest of an object alone', {
    where: path,
    next: 'Try again: the whole is asked for then.',
  });
}

interface Listed {
  objects: PlacedFile[];
  /** Names up to the delimiter. */
  folders: string[];
}

/** Every object whose name begins so, below the prefix of the place; with a delimiter those behind it only as folders. */
async function list(client: S3Client, folder: string, delimiter: '/' | null): Promise<Listed> {
  const root = client.keyOf('');
  const found: Listed = { objects: [], folders: [] };
  let next: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = {
      'list-type': '2',
      'encoding-type': 'url',
      prefix: root + folder,
      ...(delimiter === null ? {} : { delimiter }),
      ...(next === null ? {} : { 'continuation-token': next }),
    };
    const { text } = await client.text({ method: 'GET', path: null, query });
    // A server may leave it; then the names are as they are.
    const isEncoded = textIn(text, 'EncodingType') === 'url';
    const nameOf = (key: string): string => (isEncoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key);
    for (const entry of elementsIn(text, 'Contents')) {
      const path = nameOf(textIn(entry, 'Key') ?? '').slice(root.length);
      // A name that ends with a slash is how some programs mark a folder.
      if (!path.endsWith('/') && path !== '') found.objects.push({ path, bytes: Number(textIn(entry, 'Size')) });
    }
    for (const entry of elementsIn(text, 'CommonPrefixes'))
      found.folders.push(nameOf(textIn(entry, 'Prefix') ?? '').slice(root.length, -1));
    next = textIn(text, 'IsTruncated') === 'true' ? textIn(text, 'NextContinuationToken') : null;
    if (next === null) return found;
  }
  throw problem('backup-failed', 'the place holds more files than can be listed', {
    where: client.where,
    next: 'Give the backups a prefix of their own.',
  });
}
