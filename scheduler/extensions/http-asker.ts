/** Asks a program over HTTP or HTTPS. */
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { JsonValue } from '../../api/meta.ts';
import { type Asker, answerBytesMax, ProtocolError, protocol } from './protocol.ts';

export interface HttpOptions {
  /** PEM of the authorities to trust; absent: those of this machine. */
  readonly ca?: string | undefined;
}

/** Connections to one program at a time; more questions wait, within their own time. */
const socketsMax = 8;

/** `url` as it is configured; questions go to `<url>/v1/allocate`. */
export function httpAsker(url: string, { ca }: HttpOptions = {}): Asker {
  const text = `${url.replace(/\/+$/, '')}/v1/allocate`;
  const target = URL.canParse(text) ? new URL(text) : undefined;
  const isSecure = target?.protocol === 'https:';
  const pool = { keepAlive: true, maxSockets: socketsMax };
  const agent = isSecure
    ? new HttpsAgent({ ...pool, ...(ca === undefined ? {} : { ca }) })
    : new HttpAgent(pool);
  return {
    async ask(question, signal) {
      if (target === undefined) throw new ProtocolError(`${url} is no URL`);
      if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
        throw new ProtocolError('caBundle holds no certificate in PEM');
      }
      const body = Buffer.from(JSON.stringify({ protocol, ...question }));
      const headers = {
        'content-type': 'application/json',
        accept: 'application/json',
        'content-length': body.length,
      };
      const answer = await send(target, { method: 'POST', agent, headers, signal }, body);
      // Nobody is followed elsewhere: who answers is who was named.
      if (answer.status < 200 || answer.status > 299) {
        throw new ProtocolError(`answered ${answer.status}: ${answer.text.slice(0, 200)}`);
      }
      try {
        return JSON.parse(answer.text) as JsonValue; // What is in it is looked at by `readAnswers`.
      } catch {
        throw new ProtocolError('the answer is no JSON');
      }
    },
    async close() {
      agent.destroy();
    },
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** A kept connection that was closed meanwhile says nothing about the program: it is asked once more. */
async function send(target: URL, options: RequestOptions, body: Buffer): Promise<Answer> {
  try {
    return await sendOnce(target, options, body);
  } catch (error) {
    if (error instanceof StaleConnection) return sendOnce(target, options, body);
    throw error;
  }
}

class StaleConnection extends Error {}

function sendOnce(target: URL, options: RequestOptions, body: Buffer): Promise<Answer> {
  const request = target.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const outgoing = request(target, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= answerBytesMax) chunks.push(chunk);
        else
          outgoing.destroy(new ProtocolError(`the answer is longer than ${answerBytesMax} bytes`));
      });
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    outgoing.on('error', (error) => {
      const { code } = error as { readonly code?: unknown }; // Errors of Node's network carry one.
      const isStale = outgoing.reusedSocket && code === 'ECONNRESET';
      reject(isStale ? new StaleConnection() : error);
    });
    outgoing.end(body);
  });
}
