import { problem } from '../../../core/release/problem.ts';
import type { Effect } from '../../../platform/effect.ts';
import { readRange, sha256OfRange } from '../../../platform/file-stream.ts';
import { gap } from '../../../platform/gap.ts';
import type { Sending } from '../place.ts';
import { elementsIn, encodeXml, textIn } from './read-xml.ts';
import { textBody, type S3Client, type S3Request } from './s3-client.ts';
import { encodePath } from './sign-request.ts';

const PARTS_MAX = 10_000; // of one object, by the protocol
const MIB = 1024 * 1024;

interface Range {
  from: number;
  bytes: number;
}

/** So many bytes each that ten thousand of them are enough. */
export function partsOf(bytes: number, partBytes: number): Range[] {
  const least = Math.ceil(bytes / PARTS_MAX / MIB) * MIB;
  const size = Math.max(partBytes, least);
  const count = Math.max(1, Math.ceil(bytes / size));
  return Array.from({ length: count }, (_, index) => ({
    from: index * size,
    bytes: Math.min(size, bytes - index * size),
  }));
}

/** Sends a file in parts, each read twice: once for its hash, once to be sent. No part is ever in memory as a whole. */
export async function sendInParts(
  client: S3Client,
  path: string,
  { from, bytes }: Pick<Sending, 'from' | 'bytes'>,
  { partBytes, effect }: { partBytes: number; effect: Effect },
): Promise<void> {
  await inParts(client, path, partsOf(bytes, partBytes), async (range) => {
    effect.signal.throwIfAborted();
    await gap('places.part');
    const sha256 = await sha256OfRange(from, range);
    const body = { chunks: () => readRange(from, range), bytes: range.bytes, sha256 };
    return { body };
  });
}

/** Makes an object out of the parts of another one; nothing of it passes through here. */
export async function copyInParts(
  client: S3Client,
  { from, to, bytes }: { from: string; to: string; bytes: number },
  partBytes: number,
): Promise<void> {
  const source = `/${client.bucket}/${encodePath(client.keyOf(from))}`;
  await inParts(client, to, partsOf(bytes, partBytes), async (range) => ({
    headers: {
      'x-amz-copy-source': source,
      'x-amz-copy-source-range': `bytes=${range.from}-${range.from + range.bytes - 1}`,
    },
  }));
}

async function inParts(
  client: S3Client,
  path: string,
  parts: Range[],
  part: (range: Range) => Promise<Pick<S3Request, 'body' | 'headers'>>,
): Promise<void> {
  await dropUploads(client, path);
  const begun = await client.text({ method: 'POST', path, query: { uploads: '' } });
  const uploadId = textIn(begun.text, 'UploadId');
  if (uploadId === null) throw notS3(client);
  try {
    const tags: string[] = [];
    for (const [index, range] of parts.entries()) {
      const query = { partNumber: String(index + 1), uploadId };
      const answer = await client.text({ method: 'PUT', path, query, ...(await part(range)) });
      const tag = answer.headers['etag'] ?? textIn(answer.text, 'ETag');
      if (tag === null) throw notS3(client);
      tags.push(tag);
    }
    const listed = tags.map(
      (tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${encodeXml(tag)}</ETag></Part>`,
    );
    const body = textBody(`<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`);
    await client.text({ method: 'POST', path, query: { uploadId }, body });
  } catch (error) {
    await dropUpload(client, path, uploadId).catch(() => undefined); // the first error says what is wrong; the next try sweeps
    throw error;
  }
}

/** What a dead run began and never finished costs room that nobody sees. */
async function dropUploads(client: S3Client, path: string): Promise<void> {
  const key = client.keyOf(path);
  // A server, or a key, that does not list uploads keeps nobody from sending.
  const refused = [400, 403, 404, 405, 501];
  const { text, status } = await client.text(
    { method: 'GET', path: null, query: { uploads: '', prefix: key } },
    refused,
  );
  if (refused.includes(status)) return;
  for (const upload of elementsIn(text, 'Upload')) {
    const id = textIn(upload, 'UploadId');
    if (id !== null && textIn(upload, 'Key') === key) await dropUpload(client, path, id);
  }
}

async function dropUpload(client: S3Client, path: string, uploadId: string): Promise<void> {
  await client.text({ method: 'DELETE', path, query: { uploadId } }, [404]);
}

function notS3({ where }: S3Client): Error {
  return problem('backup-failed', 'the answer to a multipart upload is not one of S3', {
    where,
    next: 'Look whether the address is one of an S3 server: endpoint under backups.copies.',
  });
}
