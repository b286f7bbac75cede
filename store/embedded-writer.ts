import { setImmediate as nextTurn } from 'node:timers/promises';
import { Batch } from './embedded-batch.ts';
import { encodePosition, encodeRevision, encodeVersionKey } from './embedded-records.ts';
import { withSnapshot } from './embedded-snapshot.ts';
import { metaKeys, type Tables } from './embedded-tables.ts';
import { checkTxn, maxTxnBytes } from './limits.ts';
import { StoreError, type Txn, type TxnResult } from './store.ts';

/** The most transactions in one commit; with the largest of each, 64 · 1.5 MB wait in memory. */
const maxTxnsPerBatch = 1000;
const maxBytesPerBatch = 64 * maxTxnBytes;
/** The most transactions that wait for a commit; beyond it callers are told to come back. */
const maxWaiting = 50_000;
/** How many log records one step of a compaction looks at, so that writers never wait long. */
const recordsPerCompactionStep = 2000;

interface Waiting {
  readonly txn: Txn;
  readonly signal: AbortSignal;
  readonly resolve: (result: TxnResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The only writer of the tables. Transactions that arrive while a commit is being written to disk
 * wait, and the next commit takes all of them: one flush for many.
 */
export class EmbeddedWriter {
  readonly #tables: Tables;
  readonly #onCommit: () => void;
  readonly #hasRoom: () => boolean;
  #waiting: Waiting[] = [];
  #chores: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #isClosed = false;

  /** `hasRoom` says whether the disk has space for puts; deletions may use the reserve. */
  constructor(tables: Tables, hooks: { onCommit: () => void; hasRoom: () => boolean }) {
    this.#tables = tables;
    this.#onCommit = hooks.onCommit;
    this.#hasRoom = hooks.hasRoom;
  }

  txn(txn: Txn, signal: AbortSignal): Promise<TxnResult> {
    checkTxn(txn);
    this.#checkOpen();
    if (this.#waiting.length >= maxWaiting) {
      throw new StoreError('Unavailable', `${maxWaiting} transactions are waiting already`);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ txn, signal, resolve, reject });
      this.#start();
    });
  }

  /** Refuses history before `revision` from now on, then removes it step by step. */
  async compact(revision: bigint, signal: AbortSignal): Promise<void> {
    const { root, meta } = this.#tables;
    let isBehind = true;
    await this.#chore(async () => {
      const { newest, compacted } = withSnapshot(this.#tables, (snapshot) => ({
        newest: snapshot.revision,
        compacted: snapshot.compacted,
      }));
      if (revision > newest) {
        throw new StoreError(
          'FutureRevision',
          `cannot compact to revision ${revision}, the newest is ${newest}`,
        );
      }
      if (revision <= compacted) return;
      await root.batch(() => {
        meta.put(metaKeys.compacted, encodeRevision(revision));
      });
    });
    while (isBehind) {
      signal.throwIfAborted();
      await this.#chore(async () => {
        isBehind = await this.#compactionStep();
      });
    }
  }

  /** Resolves when all that was accepted is on disk. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  #chore(run: () => Promise<void>): Promise<void> {
    this.#checkOpen();
    return new Promise((resolve, reject) => {
      this.#chores.push(() => run().then(resolve, reject));
      this.#start();
    });
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StoreError('Closed', 'the store was closed');
  }

  #start(): void {
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 || this.#chores.length > 0) {
      // Whoever was just answered gets to ask again before the next commit begins.
      await nextTurn();
      await this.#commit(this.#takeBatch());
      await this.#chores.shift()?.();
    }
    // In the same turn as the last look at what waits, so that nobody waits for a run that is over.
    this.#running = undefined;
  }

  #takeBatch(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { txn } of this.#waiting) {
      bytes += sizeOf(txn);
      if (count >= maxTxnsPerBatch || (count > 0 && bytes > maxBytesPerBatch)) break;
      count += 1;
    }
    const taken = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return taken;
  }

  async #commit(waiting: readonly Waiting[]): Promise<void> {
    if (waiting.length === 0) return;
    const answers: (() => void)[] = [];
    try {
      const hasRoom = this.#hasRoom();
      const batch = withSnapshot(this.#tables, (snapshot) => {
        const open = new Batch(snapshot);
        for (const one of waiting) {
          if (one.signal.aborted) {
            one.reject(one.signal.reason);
            continue;
          }
          if (!hasRoom && mayPut(one.txn)) {
            one.reject(new StoreError('NoSpace', 'the disk of the store is full'));
            continue;
          }
          const result = open.run(one.txn);
          answers.push(() => one.resolve(result));
        }
        return open;
      });
      if (batch.hasWrites) await batch.write(this.#tables);
      for (const answer of answers) answer();
      if (batch.hasWrites) this.#onCommit();
    } catch (error) {
      const failure = await this.#commitError(error);
      for (const one of waiting) one.reject(failure);
    }
  }

  /** lmdb keeps the cause of a failed commit behind a second promise. */
  async #commitError(error: unknown): Promise<StoreError> {
    let cause = error;
    if (error instanceof Error && 'commitError' in error) {
      cause = await Promise.resolve(error.commitError).catch((reason: unknown) => reason);
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    // To lmdb a disk that takes only part of a page is any input or output error.
    return this.#hasRoom()
      ? new StoreError('Unavailable', `the store could not be written: ${why}`, { cause })
      : new StoreError('NoSpace', `the disk of the store is full: ${why}`, { cause });
  }

  /** Removes some of what is superseded; says whether there is more. */
  async #compactionStep(): Promise<boolean> {
    const { root, versions, log, meta } = this.#tables;
    const step = withSnapshot(this.#tables, (snapshot) => {
      const cleaned = snapshot.meta(metaKeys.cleaned) ?? 0n;
      if (cleaned >= snapshot.compacted) return undefined;
      const { compacted } = snapshot;
      const found = snapshot.superseded(cleaned, compacted, recordsPerCompactionStep);
      return { ...found, isLast: found.reached >= compacted };
    });
    if (step === undefined) return false;
    await root.batch(() => {
      for (const { key, position } of step.removable) {
        log.remove(encodePosition(position));
        versions.remove(encodeVersionKey(key, position.revision));
      }
      meta.put(metaKeys.cleaned, encodeRevision(step.reached));
    });
    return !step.isLast;
  }
}

function sizeOf(txn: Txn): number {
  let bytes = 0;
  for (const branch of [txn.then, txn.otherwise]) {
    for (const operation of branch) {
      if (operation.type === 'put') bytes += operation.value.length;
    }
  }
  return bytes;
}

/** As etcd: a full store refuses a transaction that puts in either branch. */
function mayPut({ then: onTrue, otherwise }: Txn): boolean {
  return [...onTrue, ...otherwise].some(({ type }) => type === 'put');
}
