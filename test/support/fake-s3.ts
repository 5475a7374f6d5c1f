import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// A fake: a server that speaks the part of S3 that is used, and is as strict as the real ones where it matters. It checks the signature of
// every request (Signature Version 4, from its documentation), the hash of every body, the order and the size of parts.

const PART_BYTES_MIN = 5 * 1024 * 1024; // of every part but the last, by the protocol
const PAGE = 3; // far less than the thousand of the real ones, so that tests turn pages

export interface FakeS3 {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  /** By `bucket/key`. */
  objects: Map<string, Buffer>;
  /** Every request: `PUT bucket/key?query`. */
  asked: string[];
  /** Bytes that came in the bodies of PUT requests. */
  receivedBytes(): number;
  uploads(): number;
  /** Answers the next requests that this names with a status and a code instead. */
  refuse(times: number, status: number, code: string, which?: RegExp): void;
  /** Breaks the connection of the next request that this names, after so many bytes of its answer. */
  breakOff(which: RegExp, afterBytes: number): void;
  close(): Promise<void>;
}

interface Upload {
  key: string;
  parts: Map<number, Buffer>;
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
  ) {
    super(code);
  }
}

interface Result {
  status: number;
  headers?: Record<string, string>;
  body: Buffer;
}

/** What it has and what it was told to do. */
interface State {
  buckets: string[];
  objects: Map<string, Buffer>;
  uploads: Map<string, Upload>;
  asked: string[];
  faults: { times: number; status: number; code: string; which: RegExp }[];
  breaks: { which: RegExp; afterBytes: number }[];
  received: number;
  keys: { accessKey: string; secretKey: string };
}

interface Asked {
  request: IncomingMessage;
  url: URL;
  bucket: string;
  key: string;
  body: Buffer;
}

export async function startFakeS3(buckets: string[], secretKey = `s3cr3t/${'k'.repeat(20)}+Sent1nel`): Promise<FakeS3> {
  const keys = { accessKey: 'AKIAFAKEFAKEFAKEFAKE', secretKey };
  const collections = { objects: new Map(), uploads: new Map(), asked: [], faults: [], breaks: [] };
  const state: State = { buckets, ...collections, received: 0, keys };
  const server: Server = createServer((request, response) => {
    void answer(state, request, response).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
      response.writeHead(error.status, { 'content-type': 'application/xml', connection: 'close' });
      const text = `<?xml version="1.0"?><Error><Code>${error.code}</Code><Message>refused &amp; told</Message></Error>`;
      response.end(request.method === 'HEAD' ? '' : text);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    ...keys,
    objects: state.objects,
    asked: state.asked,
    receivedBytes: () => state.received,
    uploads: () => state.uploads.size,
    refuse: (times, status, code, which = /./) => void state.faults.push({ times, status, code, which }),
    breakOff: (which, afterBytes) => void state.breaks.push({ which, afterBytes }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request);
  const url = new URL(request.url ?? '/', 'http://fake');
  const [bucket = '', ...rest] = url.pathname.slice(1).split('/').map(decodeURIComponent);
  const name = `${request.method} ${bucket}/${rest.join('/')}${url.search}`;
  state.asked.push(name);
  const fault = state.faults.find(({ which, times }) => times > 0 && which.test(name));
  if (fault !== undefined) {
    fault.times -= 1;
    throw new Refusal(fault.status, fault.code);
  }
  requireSignature(request, url, body, state.keys);
  if (!state.buckets.includes(bucket)) throw new Refusal(404, 'NoSuchBucket');
  if (request.method === 'PUT') state.received += body.length;
  const result = act(state, { request, url, bucket, key: rest.join('/'), body });
  response.writeHead(result.status, { 'content-length': result.body.length, ...result.headers });
  const broken = state.breaks.findIndex(({ which }) => which.test(name));
  if (broken < 0) return void response.end(request.method === 'HEAD' ? undefined : result.body);
  const [{ afterBytes } = { afterBytes: 0 }] = state.breaks.splice(broken, 1);
  response.write(result.body.subarray(0, afterBytes), () => response.destroy());
}

const xml = (text: string): Result => ({ status: 200, body: Buffer.from(`<?xml version="1.0"?>${text}`) });
const tagOf = (bytes: Buffer): string => `"${createHash('md5').update(bytes).digest('hex')}"`;
const NOTHING = Buffer.alloc(0);

function act(state: State, asked: Asked): Result {
  const { request, url, bucket, key, body } = asked;
  const query = url.searchParams;
  const place = `${bucket}/${key}`;
  const uploadId = query.get('uploadId');
  switch (request.method) {
    case 'PUT':
      return uploadId === null ? put(state, asked, place) : putPart(state, asked, uploadId);
    case 'POST':
      return query.has('uploads') ? begin(state, place) : complete(state, uploadId ?? '', body.toString());
    case 'DELETE':
      if (uploadId === null) state.objects.delete(place);
      else if (!state.uploads.delete(uploadId)) throw new Refusal(404, 'NoSuchUpload');
      return { status: 204, body: NOTHING };
    default:
      if (key !== '') return get(state, place, request.headers.range);
      return query.has('uploads') ? listUploads(state, query.get('prefix') ?? '') : list(state, bucket, query);
  }
}

function put(state: State, asked: Asked, place: string): Result {
  const content = contentOf(state, asked);
  state.objects.set(place, content);
  if (copySource(asked.request) === null) return { status: 200, body: NOTHING, headers: { etag: tagOf(content) } };
  return xml(`<CopyObjectResult><ETag>${tagOf(content)}</ETag></CopyObjectResult>`);
}

function copySource(request: IncomingMessage): string | null {
  const written = request.headers['x-amz-copy-source'];
  return typeof written === 'string' ? decodeURIComponent(written).replace(/^\//, '') : null;
}

function contentOf(state: State, { request, body }: Asked): Buffer {
  const source = copySource(request);
  if (source === null) return body;
  const found = state.objects.get(source);
  if (found === undefined) throw new Refusal(404, 'NoSuchKey');
  const range = /^bytes=(\d+)-(\d+)$/.exec(String(request.headers['x-amz-copy-source-range'] ?? ''));
  return range === null ? found : found.subarray(Number(range[1]), Number(range[2]) + 1);
}

function get({ objects }: State, place: string, range: string | undefined): Result {
  const found = objects.get(place);
  if (found === undefined) throw new Refusal(404, 'NoSuchKey');
  const from = /^bytes=(\d+)-$/.exec(range ?? '')?.[1];
  if (from === undefined) return { status: 200, body: found, headers: { etag: tagOf(found) } };
  if (Number(from) >= found.length) throw new Refusal(416, 'InvalidRange');
  return { status: 206, body: found.subarray(Number(from)) };
}

function list({ objects }: State, bucket: string, query: URLSearchParams): Result {
  const prefix = query.get('prefix') ?? '';
  const after = Buffer.from(query.get('continuation-token') ?? '', 'base64').toString();
  const delimiter = query.get('delimiter');
  const entries = new Map<string, string>();
  for (const place of [...objects.keys()].filter((one) => one.startsWith(`${bucket}/${prefix}`)).sort()) {
    const key = place.slice(bucket.length + 1);
    const cut = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
    const name = cut < 0 ? key : key.slice(0, cut + 1);
    const shown = encodeURIComponent(name).replaceAll('%2F', '/');
    const size = objects.get(place)?.length ?? 0;
    const file = `<Contents><Key>${shown}</Key><Size>${size}</Size></Contents>`;
    entries.set(name, cut < 0 ? file : `<CommonPrefixes><Prefix>${shown}</Prefix></CommonPrefixes>`);
  }
  const left = [...entries].filter(([name]) => name > after);
  const page = left.slice(0, PAGE);
  const more = left.length > PAGE;
  const token = Buffer.from(page.at(-1)?.[0] ?? '').toString('base64');
  const next = more ? `<NextContinuationToken>${token}</NextContinuationToken>` : '';
  const head = `<EncodingType>url</EncodingType><IsTruncated>${more}</IsTruncated>${next}`;
  return xml(`<ListBucketResult>${head}${page.map(([, text]) => text).join('')}</ListBucketResult>`);
}

function begin({ uploads }: State, key: string): Result {
  const id = `upload-${uploads.size + 1}-${Math.random()}`;
  uploads.set(id, { key, parts: new Map() });
  return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
}

function putPart(state: State, asked: Asked, id: string): Result {
  const upload = state.uploads.get(id);
  if (upload === undefined) throw new Refusal(404, 'NoSuchUpload');
  const bytes = contentOf(state, asked);
  upload.parts.set(Number(asked.url.searchParams.get('partNumber')), bytes);
  return { status: 200, body: NOTHING, headers: { etag: tagOf(bytes) } };
}

function complete({ uploads, objects }: State, id: string, text: string): Result {
  const upload = uploads.get(id);
  if (upload === undefined) throw new Refusal(404, 'NoSuchUpload');
  const named = [...text.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)<\/ETag>/g)];
  const bytes = named.map(([, number, tag], index) => {
    const part = upload.parts.get(Number(number));
    if (Number(number) !== index + 1 || part === undefined || tagOf(part) !== tag)
      throw new Refusal(400, 'InvalidPart');
    if (index < named.length - 1 && part.length < PART_BYTES_MIN) throw new Refusal(400, 'EntityTooSmall');
    return part;
  });
  objects.set(upload.key, Buffer.concat(bytes));
  uploads.delete(id);
  return xml('<CompleteMultipartUploadResult/>');
}

function listUploads({ uploads }: State, prefix: string): Result {
  const found = [...uploads].map(([id, { key }]) => ({ id, key: key.slice(key.indexOf('/') + 1) }));
  const shown = found
    .filter(({ key }) => key.startsWith(prefix))
    .map(({ id, key }) => `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`);
  return xml(`<ListMultipartUploadsResult>${shown.join('')}</ListMultipartUploadsResult>`);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** As the documentation of Signature Version 4 has it: canonical request, string to sign, key of the day. */
function requireSignature(
  request: IncomingMessage,
  url: URL,
  body: Buffer,
  { accessKey, secretKey }: { accessKey: string; secretKey: string },
): void {
  const pattern =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const [, key, day = '', region = '', signed = '', signature = ''] =
    pattern.exec(request.headers.authorization ?? '') ?? [];
  if (key !== accessKey) throw new Refusal(403, 'InvalidAccessKeyId');
  const time = String(request.headers['x-amz-date'] ?? '');
  const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(Date.now() - at) < 15 * 60_000)) throw new Refusal(403, 'RequestTimeTooSkewed');
  const hash = String(request.headers['x-amz-content-sha256'] ?? '');
  if (hash !== sha256(body)) throw new Refusal(400, 'XAmzContentSHA256Mismatch');
  const names = signed.split(';');
  const unsigned = Object.keys(request.headers).filter((name) => name.startsWith('x-amz-') && !names.includes(name));
  if (!names.includes('host') || unsigned.length > 0) throw new Refusal(403, 'AccessDenied');
  const query = (request.url ?? '').split('?')[1] ?? '';
  const canonical = [
    request.method,
    url.pathname,
    query.split('&').sort().join('&'),
    ...names.map((name) => `${name}:${String(request.headers[name] ?? '').trim()}`),
    '',
    signed,
    hash,
  ].join('\n');
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${day}/${region}/s3/aws4_request\n${sha256(canonical)}`;
  const hmac = (above: string | Buffer, text: string): Buffer => createHmac('sha256', above).update(text).digest();
  const signingKey = hmac(hmac(hmac(hmac(`AWS4${secretKey}`, day), region), 's3'), 'aws4_request');
  const wanted = hmac(signingKey, toSign);
  if (!timingSafeEqual(wanted, Buffer.from(signature, 'hex'))) throw new Refusal(403, 'SignatureDoesNotMatch');
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
