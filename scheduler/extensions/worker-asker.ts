/**
 * Asks a module in a thread of its own: one that never returns, or takes all memory, fails the questions that it has,
 * and is ended; the next question begins a new thread.
 */
import { Worker } from 'node:worker_threads';
import type { JsonValue } from '../../api/meta.ts';
import { type Asker, answerBytesMax, ProtocolError, protocol, type Question } from './protocol.ts';

/** Of the thread; above it the thread dies, and nothing else. */
const megabytesMax = 256;

/** Runs in the thread. What comes back is text, as if it came over a wire. */
const script = `
const { parentPort, workerData } = require('node:worker_threads');
const loaded = import(workerData).then(({ allocate }) => {
  if (typeof allocate !== 'function') throw new Error('the module exports no function "allocate"');
  return allocate;
});
loaded.catch(() => {});
parentPort.on('message', async ({ id, question }) => {
  try {
    const allocate = await loaded;
    const answer = JSON.stringify((await allocate(question)) ?? null);
    if (answer?.length > ${answerBytesMax}) throw new Error('the answer is longer than ${answerBytesMax} bytes');
    parentPort.postMessage({ id, answer });
  } catch (error) {
    parentPort.postMessage({ id, error: String(error?.message ?? error) });
  }
});
`;

interface Reply {
  readonly id: number;
  readonly answer?: string;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (answer: JsonValue) => void;
  readonly reject: (error: unknown) => void;
}

/** `url`: of the module, which is read when the thread begins. */
export function workerAsker(url: string): Asker {
  return new WorkerAsker(url);
}

class WorkerAsker implements Asker {
  readonly #url: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #asked = 0;

  constructor(url: string) {
    this.#url = url;
  }

  async ask(question: Question, signal: AbortSignal): Promise<JsonValue> {
    signal.throwIfAborted();
    const worker = this.#running();
    this.#asked += 1;
    const id = this.#asked;
    // Nobody knows how long it has been busy: whoever waits for it too is not answered either.
    const giveUp = () => this.#end(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage({ id, question: { protocol, ...question } });
      });
    } finally {
      signal.removeEventListener('abort', giveUp);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#worker?.unref();
    }
  }

  async close(): Promise<void> {
    await this.#end(new ProtocolError('the dimension is not asked any more'));
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const resourceLimits = { maxOldGenerationSizeMb: megabytesMax };
    const options = { eval: true, workerData: this.#url, resourceLimits, execArgv: [] };
    const worker = new Worker(script, options);
    worker.unref();
    const over = (why: string) => {
      if (this.#worker === worker) this.#end(new ProtocolError(why));
    };
    worker.on('message', (reply: Reply) => this.#answer(reply));
    worker.on('error', (error) => over(`the module's thread died: ${error.message}`));
    worker.on('exit', () => over("the module's thread ended"));
    this.#worker = worker;
    return worker;
  }

  #answer({ id, answer, error }: Reply): void {
    const waiting = this.#waiting.get(id);
    if (answer === undefined) waiting?.reject(new ProtocolError(error ?? 'no answer'));
    // Our own script made it from a value.
    else waiting?.resolve(JSON.parse(answer) as JsonValue);
  }

  async #end(reason: unknown): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(reason);
    await worker?.terminate();
  }
}
