import { maxKeyBytes } from './limits.ts';

/** Where a listing starts and ends, as bytes: `start` is inside, `end` outside; no `end` = to the last key. */
export interface KeyRange {
  readonly start: Buffer;
  readonly end?: Buffer;
}

/** The bytes of a key; both stores order keys by these. */
export function keyBytes(key: string): Buffer {
  return Buffer.from(key, 'utf8');
}

/** All keys that begin with `prefix` and, where given, come after `after`. */
export function prefixRange(prefix: string, after?: string): KeyRange {
  const start = keyBytes(prefix);
  const end = prefixEnd(start);
  return { start: laterOf(start, after), ...(end === undefined ? {} : { end }) };
}

/** The first bytes behind everything that begins with `prefix`; none behind 0xff… and the empty prefix. */
export function prefixEnd(prefix: Buffer): Buffer | undefined {
  for (let i = prefix.length - 1; i >= 0; i -= 1) {
    const byte = prefix[i] ?? 0xff;
    if (byte === 0xff) continue;
    const end = Buffer.from(prefix.subarray(0, i + 1));
    end[i] = byte + 1;
    return end;
  }
  return undefined;
}

/** Whether `bytes` begin with `prefix`. */
export function startsWith(bytes: Uint8Array, prefix: Buffer): boolean {
  return (
    bytes.length >= prefix.length && prefix.compare(bytes, 0, prefix.length, 0, prefix.length) === 0
  );
}

/** Compares two keys by their bytes, which JavaScript's own comparison of strings does not. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(keyBytes(a), keyBytes(b));
}

function laterOf(start: Buffer, after: string | undefined): Buffer {
  if (after === undefined) return start;
  // No key is longer than the limit, so the beginning of a longer one excludes the same keys.
  const last = keyBytes(after).subarray(0, maxKeyBytes);
  const behind = Buffer.concat([last, Buffer.from([0])]);
  return Buffer.compare(behind, start) > 0 ? behind : start;
}
