import type { CallOptions } from '../lib/call.ts';

/** One global, ever-growing counter per store; every committed transaction that writes takes the next. */
export type Revision = bigint;

/** A key with its value as of some revision. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** The revision that last wrote this key: an object's `resourceVersion`. */
  readonly modRevision: Revision;
  /** The revision that created it (again, after a deletion). */
  readonly createRevision: Revision;
}

/** One change of one key. `previous` is the entry before it, where there was one. */
export type Change =
  | { readonly type: 'put'; readonly entry: Entry; readonly previous?: Entry }
  | {
      readonly type: 'delete';
      readonly key: string;
      readonly revision: Revision;
      readonly previous?: Entry;
    };

/** All changes under the watched prefix that one revision made, in key order. */
export interface ChangeSet {
  readonly revision: Revision;
  readonly changes: readonly Change[];
}

export interface ReadOptions extends CallOptions {
  /** Read as of this revision; the newest when absent. */
  readonly at?: Revision;
}

export interface ListOptions extends ReadOptions {
  /** At most this many entries; no limit when absent. */
  readonly limit?: number;
  /** Only keys greater than this one. */
  readonly after?: string;
}

export interface WatchOptions extends CallOptions {
  readonly since: Revision;
  /** Whether changes bring the entries before them; `false` is much less work for etcd. Default true. */
  readonly previous?: boolean;
}

export interface ListPage {
  readonly entries: readonly Entry[];
  /** The revision the page is as of. */
  readonly revision: Revision;
  /** How many entries under the prefix follow the last one of this page. */
  readonly remaining: number;
}

/** Holds when the key was last written by `modRevision`; 0n = the key does not exist. */
export interface Comparison {
  readonly key: string;
  readonly modRevision: Revision;
}

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'get'; readonly key: string };

export interface Txn {
  readonly compare: readonly Comparison[];
  readonly then: readonly Operation[];
  readonly otherwise: readonly Operation[];
  /**
   * Others that say the same may be given the same revision, in no order among them: cheaper where many are written at once.
   * Whoever tells of changes one by one must then tell again what was left of a revision within which a reader broke off.
   */
  readonly sharesRevision?: boolean;
}

export interface TxnResult {
  /** Whether `then` was carried out. */
  readonly succeeded: boolean;
  /** The store's revision after the transaction; all its writes carry it. */
  readonly revision: Revision;
  /** One element per operation carried out: the entry for `get` and the deleted one for `delete`. */
  readonly entries: readonly (Entry | undefined)[];
}

/** What a store takes on its disk, and whether it takes more. */
export interface StoreSpace {
  /** What is wrong when puts are refused, and what to do about it; absent while they are taken. */
  readonly full?: { readonly why: string; readonly remedy: string };
  /** The size of the data file; of an etcd, that of the member that answered. */
  readonly sizeBytes: number;
  /** How much of the file holds data; the rest is written to again. */
  readonly inUseBytes: number;
  /** Free on the store's disk; unknown for an etcd. */
  readonly freeBytes?: number;
}

/** Ordered, revisioned keys. `test/contract/store.ts` runs against every implementation. */
export interface Store {
  /** The entry as of the newest committed revision (or `at`), or `undefined`; linearizable. */
  get(key: string, options: ReadOptions): Promise<Entry | undefined>;

  /** One page in key order (bytewise), all of it as of one revision; linearizable. */
  list(prefix: string, options: ListOptions): Promise<ListPage>;

  /** All of `then` if every comparison holds, else all of `otherwise`; one revision for the whole. */
  txn(txn: Txn, options: CallOptions): Promise<TxnResult>;

  /**
   * Every change under `prefix` after `since`, once each, in revision order, grouped by revision.
   * Survives a lost connection by itself. Throws `Compacted` if `since` is older than what is kept;
   * a `since` in the future waits in silence. Ends (without error) only when `signal` aborts.
   */
  watch(prefix: string, options: WatchOptions): AsyncIterable<ChangeSet>;

  /** The newest committed revision; linearizable. */
  revision(options: CallOptions): Promise<Revision>;

  /** Forgets history before `revision`; later reads of it throw `Compacted`. */
  compact(revision: Revision, options: CallOptions): Promise<void>;

  /** How much room there is; also when the store is full. */
  space(options: CallOptions): Promise<StoreSpace>;

  /** Frees files and connections; running watches end. */
  close(): Promise<void>;
}

export type StoreErrorReason =
  /** History at that revision is gone: relist. */
  | 'Compacted'
  /** The revision does not exist yet. */
  | 'FutureRevision'
  /** The store cannot be reached or has no quorum; a write may or may not have happened. Retry. */
  | 'Unavailable'
  /** The value or transaction exceeds `maxValueBytes`. */
  | 'TooLarge'
  /** No space left: reads and deletes work, puts do not. */
  | 'NoSpace'
  /** The store was closed by us. */
  | 'Closed';

/** @see store/README.md for which reasons a caller may retry. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly reason: StoreErrorReason;

  constructor(reason: StoreErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** The largest value either store takes: etcd's default request limit. */
export const maxValueBytes = 1_500_000;
