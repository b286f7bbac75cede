import { inKeyOrder } from './change-order.ts';
import {
  decodeHead,
  decodeLogRecord,
  decodePosition,
  decodeRevision,
  decodeVersion,
  encodePosition,
  encodeVersionKey,
  escapeKey,
  type Head,
  type LogRecord,
  type Position,
} from './embedded-records.ts';
import { firstRevision, metaKeys, type Tables } from './embedded-tables.ts';
import { type KeyRange, keyBytes, prefixRange, startsWith } from './keys.ts';
import { maxKeyBytes } from './limits.ts';
import { type Change, type ChangeSet, type Entry, type ListPage, StoreError } from './store.ts';

/** The most history one read of the log takes, so that a late watcher does not stop the process. */
const maxRecordsPerRead = 500;
const maxBytesPerRead = 4_000_000;

/** Runs `read` on the store as of one moment; everything committed before the call is in it. */
export function withSnapshot<T>(tables: Tables, read: (snapshot: Snapshot) => T): T {
  const transaction = tables.root.useReadTransaction();
  try {
    return read(new Snapshot(tables, transaction));
  } finally {
    transaction.done();
  }
}

/** The committed state at one moment: newest entries, older versions and the log. */
export class Snapshot {
  readonly revision: bigint;
  /** Reads of older revisions are refused; 0n = nothing was compacted. */
  readonly compacted: bigint;
  readonly #tables: Tables;
  readonly #transaction: ReturnType<Tables['root']['useReadTransaction']>;

  constructor(tables: Tables, transaction: ReturnType<Tables['root']['useReadTransaction']>) {
    this.#tables = tables;
    this.#transaction = transaction;
    this.revision = this.meta(metaKeys.revision) ?? firstRevision;
    this.compacted = this.meta(metaKeys.compacted) ?? 0n;
  }

  meta(name: Buffer): bigint | undefined {
    const bytes = this.#get(this.#tables.meta, name);
    return bytes === undefined ? undefined : decodeRevision(bytes);
  }

  /** The newest version of `key`, if the key lives. */
  head(key: Buffer): Head | undefined {
    const bytes = this.#get(this.#tables.heads, key);
    return bytes === undefined ? undefined : decodeHead(bytes);
  }

  record(position: Position): LogRecord | undefined {
    const bytes = this.#get(this.#tables.log, encodePosition(position));
    return bytes === undefined ? undefined : decodeLogRecord(bytes);
  }

  /** Throws `Compacted` or `FutureRevision`. */
  get(key: string, at?: bigint): Entry | undefined {
    const bytes = keyBytes(key);
    const isOld = this.#isOld(at);
    if (bytes.length === 0 || bytes.length > maxKeyBytes) return undefined;
    if (isOld && at !== undefined) return this.#getAt(bytes, at);
    const head = this.head(bytes);
    return head === undefined ? undefined : this.#entry(head);
  }

  /** Throws `Compacted` or `FutureRevision`. */
  list(
    prefix: string,
    options: { readonly at?: bigint; readonly limit?: number; readonly after?: string },
  ): ListPage {
    const { at, limit = Number.POSITIVE_INFINITY, after } = options;
    const range = prefixRange(prefix, after);
    const isOld = this.#isOld(at);
    if (range.start.length > maxKeyBytes + 1) {
      return { entries: [], revision: at ?? this.revision, remaining: 0 };
    }
    return isOld && at !== undefined
      ? this.#listAt(range, at, limit)
      : this.#listNewest(range, limit);
  }

  /**
   * The changes under `prefix` after revision `since`, whole revisions only, but not more than one
   * read should take; `through` is the revision up to which this has looked. Throws `Compacted`.
   */
  changes(
    prefix: Buffer,
    { since, previous }: { readonly since: bigint; readonly previous: boolean },
  ): { sets: readonly ChangeSet[]; through: bigint } {
    if (since < this.compacted) throw compactedError(since, this.compacted);
    const sets: { revision: bigint; changes: Change[] }[] = [];
    let through = since;
    let records = 0;
    let bytes = 0;
    const start = encodePosition({ revision: since + 1n, index: 0 });
    const log = this.#tables.log.getRange({ start, transaction: this.#transaction });
    for (const { key, value } of log) {
      const position = decodePosition(key);
      if (position.revision !== through) {
        if (records >= maxRecordsPerRead || bytes >= maxBytesPerRead) {
          return { sets: sets.map(inKeyOrder), through };
        }
        through = position.revision;
      }
      records += 1;
      const record = decodeLogRecord(value);
      if (!startsWith(record.key, prefix)) continue;
      bytes += value.length;
      const last = sets.at(-1);
      const change = this.#change(position, record, previous);
      if (last?.revision === through) last.changes.push(change);
      else sets.push({ revision: through, changes: [change] });
    }
    const seen = this.revision > since ? this.revision : since;
    return { sets: sets.map(inKeyOrder), through: seen };
  }

  /** What `compact` may remove: superseded versions that no revision from `through` on can see. */
  superseded(after: bigint, through: bigint, limit: number) {
    const removable: { key: Buffer; position: Position }[] = [];
    let reached = after;
    let records = 0;
    const start = encodePosition({ revision: after + 1n, index: 0 });
    const end = encodePosition({ revision: through + 1n, index: 0 });
    const log = this.#tables.log.getRange({ start, end, transaction: this.#transaction });
    for (const { key, value } of log) {
      const position = decodePosition(key);
      if (position.revision !== reached) {
        if (records >= limit) return { removable, reached };
        reached = position.revision;
      }
      records += 1;
      const record = decodeLogRecord(value);
      if (record.previous !== undefined) {
        removable.push({ key: record.key, position: record.previous });
      }
      if (record.createRevision === 0n) removable.push({ key: record.key, position });
    }
    return { removable, reached: through };
  }

  #getAt(key: Buffer, at: bigint): Entry | undefined {
    const versions = this.#tables.versions.getRange({
      start: encodeVersionKey(key, at),
      end: encodeVersionKey(key, 0n),
      reverse: true,
      inclusiveEnd: true,
      limit: 1,
      transaction: this.#transaction,
    });
    for (const { key: versionKey, value } of versions) {
      const version = decodeVersion(versionKey, value);
      return version.createRevision === 0n ? undefined : this.#entry(version);
    }
    return undefined;
  }

  #listNewest(range: KeyRange, limit: number): ListPage {
    const entries: Entry[] = [];
    const bounds = { ...range, transaction: this.#transaction };
    const page = Number.isFinite(limit) ? { ...bounds, limit } : bounds;
    if (limit > 0) {
      for (const { value } of this.#tables.heads.getRange(page)) {
        entries.push(this.#entry(decodeHead(value)));
      }
    }
    const isComplete = entries.length < limit;
    const total = isComplete ? entries.length : this.#tables.heads.getKeysCount({ ...bounds });
    return { entries, revision: this.revision, remaining: total - entries.length };
  }

  #listAt(range: KeyRange, at: bigint, limit: number): ListPage {
    const entries: Entry[] = [];
    let remaining = 0;
    let visible: ReturnType<typeof decodeVersion> | undefined;
    const take = () => {
      if (visible === undefined || visible.createRevision === 0n) return;
      if (entries.length < limit) entries.push(this.#entry(visible));
      else remaining += 1;
    };
    const versions = this.#tables.versions.getRange({
      start: escapeKey(range.start),
      ...(range.end === undefined ? {} : { end: escapeKey(range.end) }),
      transaction: this.#transaction,
    });
    for (const { key, value } of versions) {
      const version = decodeVersion(key, value);
      if (visible !== undefined && !visible.key.equals(version.key)) {
        take();
        visible = undefined;
      }
      if (version.revision <= at) visible = version;
    }
    take();
    return { entries, revision: at, remaining };
  }

  #entry(version: Head): Entry {
    const record = this.record(version);
    if (record === undefined) {
      throw new Error(
        `the log has no record at revision ${version.revision}: the store is damaged`,
      );
    }
    return {
      key: record.key.toString('utf8'),
      value: record.value,
      modRevision: version.revision,
      createRevision: version.createRevision,
    };
  }

  #change(position: Position, record: LogRecord, withPrevious: boolean): Change {
    const key = record.key.toString('utf8');
    const { revision } = position;
    const at = withPrevious ? record.previous : undefined;
    const before = at === undefined ? undefined : this.#previous(at);
    const previous = before === undefined ? {} : { previous: before };
    if (record.createRevision === 0n) return { type: 'delete', key, revision, ...previous };
    const { value, createRevision } = record;
    return {
      type: 'put',
      entry: { key, value, modRevision: revision, createRevision },
      ...previous,
    };
  }

  #previous(position: Position): Entry | undefined {
    const record = this.record(position);
    if (record === undefined) return undefined;
    return this.#entry({ ...position, createRevision: record.createRevision });
  }

  /** Whether `at` is not the newest revision. */
  #isOld(at: bigint | undefined): boolean {
    if (at === undefined) return false;
    if (at < this.compacted) throw compactedError(at, this.compacted);
    if (at > this.revision) {
      throw new StoreError(
        'FutureRevision',
        `revision ${at} does not exist yet, the newest is ${this.revision}`,
      );
    }
    return at !== this.revision;
  }

  #get(table: Tables['meta'], key: Buffer): Buffer | undefined {
    return table.get(key, { transaction: this.#transaction });
  }
}

function compactedError(revision: bigint, compacted: bigint): StoreError {
  return new StoreError(
    'Compacted',
    `the history at revision ${revision} is gone, it begins at ${compacted}`,
  );
}
