import { mkdirSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CallOptions } from '../lib/call.ts';
import { onAbort } from '../lib/on-abort.ts';
import { lockDirectory } from './embedded-lock.ts';
import { withSnapshot } from './embedded-snapshot.ts';
import { DiskRoom } from './embedded-space.ts';
import { openTables, type Tables } from './embedded-tables.ts';
import { EmbeddedWriter } from './embedded-writer.ts';
import { keyBytes } from './keys.ts';
import {
  type ChangeSet,
  type Entry,
  type ListOptions,
  type ListPage,
  type ReadOptions,
  type Revision,
  type Store,
  StoreError,
  type StoreSpace,
  type Txn,
  type TxnResult,
  type WatchOptions,
} from './store.ts';

export interface EmbeddedStoreOptions {
  /** With less free space on the disk puts are refused as `NoSpace`; default 64 MiB. */
  readonly reserveBytes?: number;
}

/** Enough for deletions and compaction, which free space but need some first. */
const defaultReserveBytes = 64 * 1024 * 1024;

/**
 * Opens the store in `directory`, creating it if need be; one process at a time, others get an Error
 * that names the pid of the holder. A transaction is on disk before its promise resolves.
 */
export async function openEmbeddedStore(
  directory: string,
  { reserveBytes = defaultReserveBytes }: EmbeddedStoreOptions = {},
): Promise<Store> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(directory);
  try {
    const tables = await openTables(directory);
    const room = new DiskRoom(tables, { directory, reserveBytes });
    return new EmbeddedStore(tables, { room, unlock: () => lock.release() });
  } catch (error) {
    lock.release();
    throw error;
  }
}

class EmbeddedStore implements Store {
  readonly #tables: Tables;
  readonly #unlock: () => void;
  readonly #writer: EmbeddedWriter;
  readonly #room: DiskRoom;
  /** Watches that have seen everything and sleep until the next commit. */
  readonly #sleepers = new Set<() => void>();
  #closing: Promise<void> | undefined;

  constructor(tables: Tables, hooks: { room: DiskRoom; unlock: () => void }) {
    this.#tables = tables;
    this.#unlock = hooks.unlock;
    this.#room = hooks.room;
    this.#writer = new EmbeddedWriter(tables, {
      onCommit: () => this.#wakeAll(),
      hasRoom: () => hooks.room.isThere(),
    });
  }

  async get(key: string, { at, signal }: ReadOptions): Promise<Entry | undefined> {
    this.#check(signal);
    return withSnapshot(this.#tables, (snapshot) => snapshot.get(key, atLeastFirst(at)));
  }

  async list(prefix: string, options: ListOptions): Promise<ListPage> {
    this.#check(options.signal);
    const at = atLeastFirst(options.at);
    return withSnapshot(this.#tables, (snapshot) =>
      snapshot.list(prefix, { ...options, ...(at === undefined ? {} : { at }) }),
    );
  }

  async txn(txn: Txn, { signal }: CallOptions): Promise<TxnResult> {
    this.#check(signal);
    return this.#writer.txn(txn, signal);
  }

  async *watch(
    prefix: string,
    { since, signal, previous = true }: WatchOptions,
  ): AsyncGenerator<ChangeSet, void> {
    const prefixBytes = keyBytes(prefix);
    let seen = atLeastFirst(since);
    if (this.#closing !== undefined) throw closedError();
    while (!signal.aborted && this.#closing === undefined) {
      const { sets, through } = withSnapshot(this.#tables, (s) =>
        s.changes(prefixBytes, { since: seen, previous }),
      );
      for (const set of sets) {
        if (signal.aborted || this.#closing !== undefined) return;
        yield set;
      }
      const isBehind = through > seen;
      seen = through;
      // A commit that this look missed is announced in a later turn, so the sleeper hears of it.
      await (isBehind ? nextTurn() : this.#nextCommit(signal));
    }
  }

  async revision({ signal }: CallOptions): Promise<Revision> {
    this.#check(signal);
    return withSnapshot(this.#tables, (snapshot) => snapshot.revision);
  }

  async compact(revision: Revision, { signal }: CallOptions): Promise<void> {
    this.#check(signal);
    // Before the first revision there is no history to forget.
    if (revision > 1n) await this.#writer.compact(revision, signal);
  }

  async space({ signal }: CallOptions): Promise<StoreSpace> {
    this.#check(signal);
    return this.#room.space();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#wakeAll();
    await this.#writer.close();
    await this.#tables.root.close();
    this.#unlock();
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closing !== undefined) throw closedError();
  }

  #nextCommit(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(wake);
        forget();
        resolve();
      };
      this.#sleepers.add(wake);
      const forget = onAbort(signal, wake);
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#sleepers]) wake();
  }
}

/** Revision 1 is the empty store; nothing is older. */
function atLeastFirst<R extends Revision | undefined>(revision: R): R | 1n {
  return revision !== undefined && revision < 1n ? 1n : revision;
}

function closedError(): StoreError {
  return new StoreError('Closed', 'the store was closed');
}
