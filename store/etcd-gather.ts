/** Writes that may share a revision, and come while others are under way, go in one request: each is judged on its own. */
import { onAbort } from '../lib/on-abort.ts';
import type { TxnAnswer, TxnOperation, TxnRequest } from './etcd-messages.ts';
import { StoreError, type Txn } from './store.ts';

/** One transaction, in our words for what it touches and in etcd's for what is sent. */
export interface GatheredTxn {
  readonly txn: Txn;
  readonly request: TxnRequest;
}

/** Carries out one transaction of etcd's. */
export type SendTxn = (request: TxnRequest, signal: AbortSignal) => Promise<TxnAnswer>;

/** So many of their requests are under way before writes are gathered: without a queue nobody waits. */
const maxUnderWay = 1;
/** Of one request: etcd's limit of operations counts those around and those within, 128 together. */
const maxGathered = 48;
const maxGatheredBytes = 512 * 1024;
/** A larger transaction goes alone. */
const maxWritesEach = 8;
const maxWaiting = 50_000;

interface Waiting extends GatheredTxn {
  readonly bytes: number;
  readonly settle: (answer: TxnAnswer) => void;
  readonly fail: (error: unknown) => void;
  isGone: boolean;
}

export class EtcdGatherer {
  readonly #send: SendTxn;
  /** A request that carries several is given up by none of them. */
  readonly #forAll = new AbortController().signal;
  #underWay = 0;
  #waiting: Waiting[] = [];

  constructor(send: SendTxn) {
    this.#send = send;
  }

  /** As if it went alone; those that went together have one revision, that of their request, in no order among them. */
  async txn(gathered: GatheredTxn, signal: AbortSignal): Promise<TxnAnswer> {
    if (!mayBeGathered(gathered.txn)) return this.#send(gathered.request, signal);
    if (this.#underWay < maxUnderWay) {
      return this.#counted(() => this.#send(gathered.request, signal));
    }
    signal.throwIfAborted();
    if (this.#waiting.length >= maxWaiting)
      throw new StoreError('Unavailable', `${maxWaiting} writes to etcd are waiting already`);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        ...gathered,
        bytes: bytesOf(gathered.txn),
        settle: (answer) => {
          forget();
          resolve(answer);
        },
        fail: (error) => {
          forget();
          reject(error);
        },
        isGone: false,
      };
      const forget = onAbort(signal, () => {
        waiting.isGone = true;
        reject(signal.reason);
      });
      this.#waiting.push(waiting);
    });
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
      this.#next();
    }
  }

  #next(): void {
    const part = this.#take();
    if (part.length > 0) void this.#counted(() => this.#sendTogether(part));
  }

  /** Those that have waited longest and do not touch each other's keys. */
  #take(): Waiting[] {
    const part: Waiting[] = [];
    const left: Waiting[] = [];
    const keys = new Touched();
    let bytes = 0;
    for (const [index, each] of this.#waiting.entries()) {
      if (each.isGone) continue;
      if (part.length >= maxGathered) {
        left.push(...this.#waiting.slice(index));
        break;
      }
      const fits = part.length === 0 || bytes + each.bytes <= maxGatheredBytes;
      if (fits && keys.add(each.txn)) {
        part.push(each);
        bytes += each.bytes;
      } else left.push(each);
    }
    this.#waiting = left;
    return part;
  }

  /** Never rejects: each of them is told. */
  async #sendTogether(part: readonly Waiting[]): Promise<void> {
    try {
      await this.#sendAll(part);
    } catch (error) {
      // Whether one alone would be refused can be known only by sending each of them; nothing was written.
      const isRefused =
        error instanceof StoreError && ['TooLarge', 'NoSpace'].includes(error.reason);
      if (isRefused && part.length > 1)
        await Promise.all(part.map((each) => this.#sendAlone(each)));
      else for (const each of part) each.fail(error);
    }
  }

  async #sendAll(part: readonly Waiting[]): Promise<void> {
    const [only] = part;
    if (part.length === 1 && only !== undefined) {
      only.settle(await this.#send(only.request, this.#forAll));
      return;
    }
    const success = part.map(({ request }): TxnOperation => ({ type: 'txn', txn: request }));
    const { revision, responses } = await this.#send(
      { compare: [], success, failure: [] },
      this.#forAll,
    );
    for (const [index, each] of part.entries()) {
      const answer = responses[index]?.txn;
      if (answer === undefined) each.fail(new Error('etcd answered less than it was asked'));
      else each.settle({ ...answer, revision });
    }
  }

  async #sendAlone(each: Waiting): Promise<void> {
    if (each.isGone) return;
    try {
      each.settle(await this.#send(each.request, this.#forAll));
    } catch (error) {
      each.fail(error);
    }
  }
}

/** Small ones that only put: a full etcd still deletes, which must not be refused for another's put. */
function mayBeGathered({ compare, then, otherwise, sharesRevision = false }: Txn): boolean {
  return (
    sharesRevision &&
    then.length > 0 &&
    then.length <= maxWritesEach &&
    compare.length <= maxWritesEach &&
    otherwise.length === 0 &&
    then.every(({ type }) => type === 'put')
  );
}

function bytesOf({ then }: Txn): number {
  return then.reduce((sum, each) => sum + (each.type === 'put' ? each.value.length : 0), 0);
}

/**
 * The keys of one request. etcd compares for all of it before it writes any of it, and puts no key twice: so nobody's
 * keys may be written by another.
 */
class Touched {
  readonly #compared = new Set<string>();
  readonly #written = new Set<string>();

  /** False, and nothing is added, when it cannot go with the others. */
  add({ compare, then }: Txn): boolean {
    const isApart =
      compare.every(({ key }) => !this.#written.has(key)) &&
      then.every(({ key }) => !this.#written.has(key) && !this.#compared.has(key));
    if (!isApart) return false;
    for (const { key } of compare) this.#compared.add(key);
    for (const { key } of then) this.#written.add(key);
    return true;
  }
}
