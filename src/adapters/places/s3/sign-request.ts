import { createHash, createHmac } from 'node:crypto';

export interface S3Credentials {
  accessKey: string;
  secretKey: string;
  sessionToken: string | null;
}

export interface Unsigned {
  method: string;
  /** With its path and query encoded by `encodePath` and `encodeQuery`. */
  url: URL;
  /** `x-amz-…` only; everything here is signed. */
  headers: Record<string, string>;
  /** SHA-256 of the body, hex: the server refuses a body that arrives as another one. */
  bodySha256: string;
}

export const EMPTY_SHA256 = createHash('sha256').digest('hex');

/** The headers of a request in AWS Signature Version 4, the body signed with it. */
export function signRequest(
  request: Unsigned,
  { credentials, region, nowMs }: { credentials: S3Credentials; region: string; nowMs: number },
): Record<string, string> {
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const { accessKey, secretKey, sessionToken } = credentials;
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.url.host,
    'x-amz-date': time,
    'x-amz-content-sha256': request.bodySha256,
    ...(sessionToken === null ? {} : { 'x-amz-security-token': sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    request.method,
    request.url.pathname,
    request.url.search.slice(1),
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    '',
    names.join(';'),
    request.bodySha256,
  ].join('\n');
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const key = [day, region, 's3', 'aws4_request'].reduce<Buffer>(
    (above, part) => createHmac('sha256', above).update(part).digest(),
    Buffer.from(`AWS4${secretKey}`),
  );
  const signature = createHmac('sha256', key).update(text).digest('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKey}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { ...headers, authorization };
}

/** As the signature wants it: everything but letters, digits and - _ . ~ as %XX. */
export function encodePart(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

export function encodePath(path: string): string {
  return path.split('/').map(encodePart).join('/');
}

/** Sorted by name, which the signature wants too. */
export function encodeQuery(query: Record<string, string>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${encodePart(name)}=${encodePart(value)}`);
  return pairs.sort().join('&');
}
