/** Asks a program over HTTP. */
import type { JsonValue } from '../../api/meta.ts';
import { type Asker, ProtocolError, protocol } from './protocol.ts';

/** Of an answer; a longer one is refused. */
const bytesMax = 16 * 1024 * 1024;

/** `url` as it is configured; questions go to `<url>/v1/allocate`. */
export function httpAsker(url: string): Asker {
  const target = `${url.replace(/\/+$/, '')}/v1/allocate`;
  return {
    async ask(question, signal) {
      const answer = await fetch(target, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ protocol, ...question }),
        redirect: 'error',
        signal,
      });
      const text = await readLimited(answer);
      if (!answer.ok) throw new ProtocolError(`answered ${answer.status}: ${text.slice(0, 200)}`);
      try {
        return JSON.parse(text) as JsonValue; // What is in it is looked at by `readAnswers`.
      } catch {
        throw new ProtocolError('the answer is no JSON');
      }
    },
  };
}

async function readLimited({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new ProtocolError(`the answer is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
