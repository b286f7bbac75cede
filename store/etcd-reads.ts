/** Reads of single keys that are asked for in one turn of the loop go to etcd in one request. */
import { onAbort } from '../lib/on-abort.ts';
import type { KeyValue, TxnAnswer, TxnRequest } from './etcd-messages.ts';

/** Carries out one transaction of etcd's. */
export type SendRead = (request: TxnRequest, signal: AbortSignal) => Promise<TxnAnswer>;

/** Of one request; etcd takes 128 operations, and each may answer with 1.5 MB. */
const maxGathered = 32;

interface Waiting {
  readonly key: Uint8Array;
  readonly settle: (kv: KeyValue | undefined) => void;
  readonly fail: (error: unknown) => void;
}

export class EtcdReads {
  readonly #send: SendRead;
  /** A request that carries several is given up by none of them. */
  readonly #forAll = new AbortController().signal;
  #waiting: Waiting[] = [];

  constructor(send: SendRead) {
    this.#send = send;
  }

  /** As of now; linearizable, since nothing is sent before it was asked for. */
  get(key: Uint8Array, signal: AbortSignal): Promise<KeyValue | undefined> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const forget = onAbort(signal, () => reject(signal.reason));
      const settle = (kv: KeyValue | undefined) => {
        forget();
        resolve(kv);
      };
      const fail = (error: unknown) => {
        forget();
        reject(error);
      };
      if (this.#waiting.length === 0) setImmediate(() => this.#sendAll());
      this.#waiting.push({ key, settle, fail });
    });
  }

  #sendAll(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < waiting.length; from += maxGathered) {
      void this.#sendTogether(waiting.slice(from, from + maxGathered));
    }
  }

  /** Never rejects: each of them is told. */
  async #sendTogether(part: readonly Waiting[]): Promise<void> {
    try {
      const success = part.map(({ key }) => ({ type: 'get', key }) as const);
      const { responses } = await this.#send({ compare: [], success, failure: [] }, this.#forAll);
      for (const [index, each] of part.entries()) each.settle(responses[index]?.kv);
    } catch (error) {
      for (const each of part) each.fail(error);
    }
  }
}
