/** The two ways to ask: POST to a URL, or a function of a module in this process. */
import type { JsonValue } from '../../api/meta.ts';
import { type Asker, ProtocolError, protocol, type Question } from './protocol.ts';

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

/** What a module exports: `allocate`, which may also return a promise. */
export interface DimensionModule {
  readonly allocate: (question: Question) => unknown;
}

/** Throws a `ProtocolError` where it is none. */
export function moduleAsker(module: Partial<DimensionModule>): Asker {
  const { allocate } = module;
  if (typeof allocate !== 'function') {
    throw new ProtocolError('the module exports no function "allocate"');
  }
  return {
    async ask(question, signal) {
      // A copy each way: neither can change what the other has.
      const given: Question = structuredClone({ protocol, ...question });
      const answer = await Promise.race([allocate(given), aborted(signal)]);
      return JSON.parse(JSON.stringify(answer ?? null)) as JsonValue; // As if it came over a wire.
    },
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
