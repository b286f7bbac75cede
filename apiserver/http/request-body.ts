/** Reads request bodies, with limits of size and time. */
import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { StatusError } from '../../api/status.ts';

/** Kubernetes' limit for one request body. */
export const maxBodyBytes = 3 * 1024 * 1024;
/** What is beyond the limit is thrown away up to here, so that the client comes to read the answer. */
export const maxDiscardedBytes = 64 * 1024 * 1024;
/** For a whole body, and for what comes of one after its answer. */
export const bodyTimeoutMs = 60_000;

/** The whole body; throws 413 beyond the limit, 408 when it does not come, 400 when it breaks off. */
export function readBody(raw: Http2ServerRequest | IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => fail(tooSlow()), bodyTimeoutMs);
    const onClose = () => fail(brokenOff());
    const settle = () => {
      clearTimeout(timer);
      raw.off('data', onData);
      // Every request closes; an error that nobody gets would cost a stack trace each time.
      raw.off('close', onClose);
      chunks = [];
    };
    const fail = (error: StatusError) => {
      settle();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) chunks.push(chunk);
      else chunks = [];
      if (size > maxDiscardedBytes) {
        fail(tooLarge());
        raw.destroy();
      }
    };
    raw.on('data', onData);
    raw.once('end', () => {
      if (size > maxBodyBytes) fail(tooLarge());
      else {
        const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
        settle();
        resolve(body);
      }
    });
    raw.once('error', () => fail(brokenOff()));
    raw.once('close', onClose);
  });
}

function tooLarge(): StatusError {
  return new StatusError(
    413,
    'RequestEntityTooLarge',
    `Request entity too large: limit is ${maxBodyBytes}`,
  );
}

function tooSlow(): StatusError {
  const seconds = bodyTimeoutMs / 1_000;
  return new StatusError(408, 'Timeout', `the request body did not come within ${seconds} seconds`);
}

function brokenOff(): StatusError {
  return new StatusError(400, 'BadRequest', 'the request body broke off');
}
