/**
 * The file of a backup: gzip around a header, records and a checksum.
 *
 *     magic "berth-backup\n" | u32 length, header as JSON | records | 0x00 | SHA-256 of all before
 *     record: u8 type (1 entry, 2 file) | u32 length, name | u32 length, value
 *
 * Numbers are big-endian. Both directions stream; nothing but one record is held in memory.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';
import { maxValueBytes } from './store.ts';

export interface BackupHeader {
  /** Of this format. */
  readonly version: 1;
  /** Of the store that was saved, in decimal. */
  readonly revision: string;
  /** How many entries follow. */
  readonly count: number;
  /** RFC 3339. */
  readonly created: string;
  /** The Berth that wrote it. */
  readonly berth: string;
}

/** An entry of the store, or a file that lies beside it. */
export interface BackupRecord {
  readonly type: 'entry' | 'file';
  readonly name: string;
  readonly value: Uint8Array;
}

export interface Backup {
  readonly header: BackupHeader;
  /** Throws `BackupError` at the end when the file is not whole: act on nothing before. */
  readonly records: AsyncIterable<BackupRecord>;
}

/** The file is no backup, is cut off, or was changed. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
}

const magic = Buffer.from('berth-backup\n');
const types = { entry: 1, file: 2 } as const;
const digestBytes = 32;
const maxHeaderBytes = 64 * 1024;
const maxNameBytes = 4_096;

export function encodeBackup(
  header: BackupHeader,
  records: AsyncIterable<BackupRecord>,
): AsyncIterable<Uint8Array> {
  const raw = Readable.from(encodeRaw(header, records), { objectMode: false });
  const packed = createGzip();
  raw.once('error', (error) => packed.destroy(error));
  packed.once('close', () => raw.destroy());
  return raw.pipe(packed);
}

async function* encodeRaw(
  header: BackupHeader,
  records: AsyncIterable<BackupRecord>,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const hashed = (...parts: readonly Uint8Array[]) => {
    const bytes = Buffer.concat(parts);
    hash.update(bytes);
    return bytes;
  };
  const head = Buffer.from(JSON.stringify(header));
  yield hashed(magic, length(head), head);
  for await (const { type, name, value } of records) {
    const key = Buffer.from(name);
    yield hashed(Buffer.from([types[type]]), length(key), key, length(value), value);
  }
  yield hashed(Buffer.from([0]));
  yield hash.digest();
}

function length({ length: bytes }: Uint8Array): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(bytes);
  return field;
}

/** Throws `BackupError` at once when it is no backup of a version that this Berth reads. */
export async function decodeBackup(file: AsyncIterable<Uint8Array>): Promise<Backup> {
  const reader = new Reader(file);
  if (!(await reader.take(magic.length)).equals(magic)) {
    throw new BackupError('it does not begin as a backup of Berth does');
  }
  const header = await readHeader(reader);
  return { header, records: readRecords(reader, header) };
}

async function readHeader(reader: Reader): Promise<BackupHeader> {
  const text = (await reader.field(maxHeaderBytes)).toString('utf8');
  let header: Partial<BackupHeader>;
  try {
    // Checked below; what the checksum covers besides was written by us.
    header = JSON.parse(text) as Partial<BackupHeader>;
  } catch (cause) {
    throw new BackupError('its header is damaged', { cause });
  }
  if (header.version !== 1) {
    throw new BackupError(
      `it has version ${header.version} of the format, this Berth reads version 1: use a newer one`,
    );
  }
  if (!/^\d+$/.test(header.revision ?? '') || typeof header.count !== 'number') {
    throw new BackupError('its header is damaged');
  }
  return header as BackupHeader;
}

async function* readRecords(reader: Reader, header: BackupHeader): AsyncGenerator<BackupRecord> {
  try {
    yield* wholeRecords(reader, header);
  } finally {
    await reader.close();
  }
}

async function* wholeRecords(reader: Reader, header: BackupHeader): AsyncGenerator<BackupRecord> {
  let count = 0;
  for (;;) {
    const [mark] = await reader.take(1);
    if (mark === 0) break;
    const type = mark === types.entry ? 'entry' : 'file';
    if (mark !== types[type]) throw new BackupError('a record in it is damaged');
    const name = (await reader.field(maxNameBytes)).toString('utf8');
    const value = await reader.field(maxValueBytes);
    if (type === 'entry') count += 1;
    yield { type, name, value };
  }
  const expected = reader.digest();
  if (!(await reader.take(digestBytes)).equals(expected)) {
    throw new BackupError('its checksum does not match: the file was changed');
  }
  await reader.end();
  if (count !== header.count) {
    throw new BackupError(`it holds ${count} entries, its header says ${header.count}`);
  }
}

/** Takes exact numbers of bytes from a packed stream. */
class Reader {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #hash = createHash('sha256');
  #rest: Buffer = Buffer.alloc(0);

  constructor(file: AsyncIterable<Uint8Array>) {
    const packed = Readable.from(file, { objectMode: false });
    const raw = createGunzip();
    packed.once('error', (error) => raw.destroy(error));
    raw.once('close', () => packed.destroy());
    this.#chunks = packed.pipe(raw)[Symbol.asyncIterator]() as AsyncIterator<Buffer>; // Of bytes.
  }

  async take(bytes: number): Promise<Buffer> {
    const parts = [this.#rest];
    for (let have = this.#rest.length; have < bytes; ) {
      const chunk = await this.#next();
      if (chunk === undefined) throw new BackupError('it is cut off');
      parts.push(chunk);
      have += chunk.length;
    }
    const all = parts.length === 1 ? this.#rest : Buffer.concat(parts);
    const taken = all.subarray(0, bytes);
    this.#rest = all.subarray(bytes);
    this.#hash.update(taken);
    return taken;
  }

  async field(maxBytes: number): Promise<Buffer> {
    const bytes = (await this.take(4)).readUInt32BE();
    if (bytes > maxBytes) throw new BackupError('a record in it is damaged');
    return this.take(bytes);
  }

  /** Of everything taken so far. */
  digest(): Buffer {
    return this.#hash.copy().digest();
  }

  async end(): Promise<void> {
    if (this.#rest.length > 0 || (await this.#next()) !== undefined) {
      throw new BackupError('something follows its end');
    }
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<Buffer | undefined> {
    try {
      const { done, value } = await this.#chunks.next();
      return done === true ? undefined : value;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException; // Errors of zlib and of files carry one.
      if (code === 'Z_BUF_ERROR') throw new BackupError('it is cut off', { cause: error });
      if (code?.startsWith('Z_')) throw new BackupError('it is damaged', { cause: error });
      throw error;
    }
  }
}
