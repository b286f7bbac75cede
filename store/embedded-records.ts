/**
 * How the embedded store's records look in lmdb. Numbers are big-endian, so that keys sort by them.
 *
 * | table    | key                      | value                                            |
 * |----------|--------------------------|--------------------------------------------------|
 * | heads    | key                      | position and create revision: one per live key   |
 * | versions | key, 0, revision         | index, create revision (0 = deleted): all kept   |
 * | log      | position                 | create revision (0 = deleted), previous, key, value |
 * | meta     | name                     | a revision                                       |
 *
 * A position is a revision and the index of the write inside it. Values are stored once, in `log`.
 */

/** Where a write stands in the log. */
export interface Position {
  readonly revision: bigint;
  readonly index: number;
}

/** The newest version of a live key. */
export interface Head extends Position {
  readonly createRevision: bigint;
}

/** A version of a key; `createRevision` 0n = the key was deleted here. */
export interface Version extends Position {
  readonly key: Buffer;
  readonly createRevision: bigint;
}

/** One write. A deletion has no value, and its `createRevision` is 0n. */
export interface LogRecord {
  readonly key: Buffer;
  readonly createRevision: bigint;
  readonly previous: Position | undefined;
  readonly value: Buffer;
}

const positionBytes = 12;
const logHeaderBytes = 8 + positionBytes + 2;

export function encodePosition({ revision, index }: Position): Buffer {
  const bytes = Buffer.allocUnsafe(positionBytes);
  writePosition(bytes, 0, revision, index);
  return bytes;
}

export function decodePosition(bytes: Buffer, offset = 0): Position {
  return {
    revision: bytes.readBigUInt64BE(offset),
    index: bytes.readUInt32BE(offset + 8),
  };
}

export function encodeHead(head: Head): Buffer {
  const bytes = Buffer.allocUnsafe(positionBytes + 8);
  writePosition(bytes, 0, head.revision, head.index);
  bytes.writeBigUInt64BE(head.createRevision, positionBytes);
  return bytes;
}

export function decodeHead(bytes: Buffer): Head {
  return {
    revision: bytes.readBigUInt64BE(0),
    index: bytes.readUInt32BE(8),
    createRevision: bytes.readBigUInt64BE(positionBytes),
  };
}

export function encodeLogRecord(record: {
  readonly key: Buffer;
  readonly createRevision: bigint;
  readonly previous: Position | undefined;
  readonly value: Uint8Array | undefined;
}): Buffer {
  const { key, createRevision, previous, value } = record;
  const bytes = Buffer.allocUnsafe(logHeaderBytes + key.length + (value?.length ?? 0));
  bytes.writeBigUInt64BE(createRevision, 0);
  writePosition(bytes, 8, previous?.revision ?? 0n, previous?.index ?? 0);
  bytes.writeUInt16BE(key.length, 20);
  key.copy(bytes, logHeaderBytes);
  if (value !== undefined) bytes.set(value, logHeaderBytes + key.length);
  return bytes;
}

export function decodeLogRecord(bytes: Buffer): LogRecord {
  const keyEnd = logHeaderBytes + bytes.readUInt16BE(20);
  const previous = decodePosition(bytes, 8);
  return {
    key: bytes.subarray(logHeaderBytes, keyEnd),
    createRevision: bytes.readBigUInt64BE(0),
    previous: previous.revision === 0n ? undefined : previous,
    value: bytes.subarray(keyEnd),
  };
}

/**
 * The key of a version: the key, a zero byte, the revision. A zero byte inside the key becomes
 * 00 FF; revisions begin with a zero byte, so versions of one key stand together, in key order.
 */
export function encodeVersionKey(key: Buffer, revision: bigint): Buffer {
  const escaped = escapeKey(key);
  const bytes = Buffer.allocUnsafe(escaped.length + 9);
  escaped.copy(bytes);
  bytes[escaped.length] = 0;
  bytes.writeBigUInt64BE(revision, escaped.length + 1);
  return bytes;
}

export function encodeVersion({
  index,
  createRevision,
}: Pick<Version, 'index' | 'createRevision'>) {
  const bytes = Buffer.allocUnsafe(12);
  bytes.writeUInt32BE(index, 0);
  bytes.writeBigUInt64BE(createRevision, 4);
  return bytes;
}

export function decodeVersion(versionKey: Buffer, value: Buffer): Version {
  const keyEnd = versionKey.length - 9;
  return {
    key: unescapeKey(versionKey.subarray(0, keyEnd)),
    revision: versionKey.readBigUInt64BE(keyEnd + 1),
    index: value.readUInt32BE(0),
    createRevision: value.readBigUInt64BE(4),
  };
}

/** Also good for the bounds of a range over `versions`. */
export function escapeKey(key: Buffer): Buffer {
  if (!key.includes(0)) return key;
  const bytes: number[] = [];
  for (const byte of key) {
    bytes.push(byte);
    if (byte === 0) bytes.push(0xff);
  }
  return Buffer.from(bytes);
}

export function encodeRevision(revision: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(revision);
  return bytes;
}

export function decodeRevision(bytes: Buffer): bigint {
  return bytes.readBigUInt64BE(0);
}

function unescapeKey(escaped: Buffer): Buffer {
  if (!escaped.includes(0)) return escaped;
  const bytes: number[] = [];
  for (let i = 0; i < escaped.length; i += 1) {
    const byte = escaped[i] ?? 0;
    bytes.push(byte);
    if (byte === 0) i += 1;
  }
  return Buffer.from(bytes);
}

function writePosition(bytes: Buffer, offset: number, revision: bigint, index: number): void {
  bytes.writeBigUInt64BE(revision, offset);
  bytes.writeUInt32BE(index, offset + 8);
}
