import type { KeyValue } from './etcd-messages.ts';
import { type KeyRange, keyBytes, prefixEnd, prefixRange } from './keys.ts';
import type { Entry } from './store.ts';

/** Sets the store's keys apart from others' in the same etcd; callers never see the prefix. */
export class EtcdKeys {
  readonly #prefix: string;
  readonly #prefixBytes: Buffer;

  constructor(prefix: string) {
    // With the slash, `/berth` holds nothing of `/berth2`.
    this.#prefix = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
    this.#prefixBytes = keyBytes(this.#prefix);
  }

  /** The key as etcd knows it. */
  outer(key: string): Buffer {
    return keyBytes(this.#prefix + key);
  }

  /** The key as our callers know it. */
  inner(key: Uint8Array): string {
    const { length } = this.#prefixBytes;
    return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('utf8', length);
  }

  /** The bounds of a listing in etcd's words: `\0` as the end means "to the last key". */
  range(prefix: string, after?: string): { key: Buffer; rangeEnd: Buffer } {
    const start = Buffer.concat([this.#prefixBytes, prefixRange(prefix, after).start]);
    const end = prefixEnd(this.outer(prefix));
    const range: KeyRange = end === undefined ? { start } : { start, end };
    // An empty key would be refused; nothing sorts before a single zero byte.
    const key = range.start.length === 0 ? Buffer.from([0]) : range.start;
    return { key, rangeEnd: range.end ?? Buffer.from([0]) };
  }

  entry({ key, value, modRevision, createRevision }: KeyValue): Entry {
    return { key: this.inner(key), value, modRevision, createRevision };
  }
}
