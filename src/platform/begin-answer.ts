import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface AnswerRequest {
  url: URL;
  method: string;
  headers: Record<string, string>;
  /** A stream is sent piece by piece; `content-length` must be among the headers then. */
  body?: string | AsyncIterable<Buffer>;
  signal: AbortSignal;
}

/**
 * Sends a request over a connection of its own and returns when the answer begins. By Node's own client: the parser of undici 7 ends the
 * process when a connection is closed while its body waits for whoever reads it.
 */
export function beginAnswer({ url, method, headers, body, signal }: AnswerRequest): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const options = { method: method.toUpperCase(), headers: { ...headers, connection: 'close' }, signal, agent: false };
  return new Promise((resolve, reject) => {
    const sent = send(url, options);
    sent.once('response', resolve);
    sent.on('error', reject); // stays: after the answer began, its own stream tells the same
    if (typeof body === 'object') sendStream(sent, body).catch(reject);
    else sent.end(body);
  });
}

/** Reads no further than it can send; an answer that comes before the end of the body, and is closed, ends the body. */
async function sendStream(sent: ClientRequest, body: AsyncIterable<Buffer>): Promise<void> {
  try {
    for await (const chunk of body) {
      if (sent.destroyed) return;
      if (!sent.write(chunk)) await drained(sent);
    }
    sent.end();
  } catch (error) {
    sent.destroy(error as Error); // half a body must not look like a whole one
    throw error;
  }
}

/** Nothing drains any more once it is closed. */
function drained(sent: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sent.off('drain', done).off('close', done);
      resolve();
    };
    sent.on('drain', done).on('close', done);
  });
}

/** Lower-case names; values of a repeated header are joined by ", ". */
export function joinHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) joined[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return joined;
}
