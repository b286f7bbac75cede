import {
  encodeHead,
  encodeLogRecord,
  encodePosition,
  encodeRevision,
  encodeVersion,
  encodeVersionKey,
  type Head,
} from './embedded-records.ts';
import type { Snapshot } from './embedded-snapshot.ts';
import { metaKeys, type Tables } from './embedded-tables.ts';
import { keyBytes } from './keys.ts';
import type { Comparison, Entry, Operation, Txn, TxnResult } from './store.ts';

/** What a batch makes of a key; no head = the key is deleted. */
interface Pending {
  readonly head: Head | undefined;
  readonly value: Uint8Array;
}

const nothing = Buffer.alloc(0);

/**
 * Several transactions that will be committed as one: each sees the writes of those before it and
 * has its own revision. Nothing is written until `write` is called.
 */
export class Batch {
  readonly #snapshot: Snapshot;
  readonly #pending = new Map<string, Pending>();
  readonly #puts: { table: 'versions' | 'log'; key: Buffer; value: Buffer }[] = [];
  #revision: bigint;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#revision = snapshot.revision;
  }

  /** The revision after the transactions so far. */
  get revision(): bigint {
    return this.#revision;
  }

  /** Whether there is anything to commit. */
  get hasWrites(): boolean {
    return this.#puts.length > 0;
  }

  /** Carries out one transaction (already checked by `checkTxn`) on top of those before it. */
  run(txn: Txn): TxnResult {
    const succeeded = txn.compare.every((comparison) => this.#holds(comparison));
    const operations = succeeded ? txn.then : txn.otherwise;
    const revision = this.#revision + 1n;
    let writes = 0;
    const entries = operations.map((operation) => {
      const before = this.#entry(operation.key);
      if (operation.type === 'get') return before;
      if (operation.type === 'delete' && before === undefined) return undefined;
      this.#append(operation, { revision, index: writes });
      writes += 1;
      return operation.type === 'delete' ? before : undefined;
    });
    if (writes > 0) this.#revision = revision;
    return { succeeded, revision: this.#revision, entries };
  }

  /** Hands all writes to lmdb as one transaction; resolves when they are on disk. */
  async write({ root, heads, versions, log, meta }: Tables): Promise<void> {
    const tables = { versions, log };
    await root.batch(() => {
      for (const { table, key, value } of this.#puts) tables[table].put(key, value);
      for (const [key, { head }] of this.#pending) {
        if (head === undefined) heads.remove(keyBytes(key));
        else heads.put(keyBytes(key), encodeHead(head));
      }
      meta.put(metaKeys.revision, encodeRevision(this.#revision));
    });
  }

  #holds({ key, modRevision }: Comparison): boolean {
    return (this.#head(key)?.revision ?? 0n) === modRevision;
  }

  #head(key: string): Head | undefined {
    const pending = this.#pending.get(key);
    return pending === undefined ? this.#snapshot.head(keyBytes(key)) : pending.head;
  }

  #entry(key: string): Entry | undefined {
    const pending = this.#pending.get(key);
    if (pending === undefined) return this.#snapshot.get(key);
    if (pending.head === undefined) return undefined;
    const { revision, createRevision } = pending.head;
    return { key, value: pending.value, modRevision: revision, createRevision };
  }

  #append(
    operation: Exclude<Operation, { type: 'get' }>,
    { revision, index }: { revision: bigint; index: number },
  ): void {
    const key = keyBytes(operation.key);
    const previous = this.#head(operation.key);
    const isPut = operation.type === 'put';
    const createRevision = isPut ? (previous?.createRevision ?? revision) : 0n;
    const position = { revision, index };
    const value = isPut ? operation.value : undefined;
    this.#puts.push(
      {
        table: 'log',
        key: encodePosition(position),
        value: encodeLogRecord({ key, createRevision, previous, value }),
      },
      {
        table: 'versions',
        key: encodeVersionKey(key, revision),
        value: encodeVersion({ index, createRevision }),
      },
    );
    const head = isPut ? { ...position, createRevision } : undefined;
    this.#pending.set(operation.key, { head, value: value ?? nothing });
  }
}
