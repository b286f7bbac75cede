/** SPDY/3 header blocks: names and values, packed by one zlib stream for a whole direction. */
import { createInflate } from 'node:zlib';
import { dictionary } from './dictionary.ts';
import { SpdyError } from './frames.ts';

/** Names are lower case; several values of one name are joined by NUL. */
export type Headers = ReadonlyMap<string, string>;

/** Unpacked; kubectl's blocks have under 200. */
export const blockMaxBytes = 16 << 10;

/** Unpacks the blocks of one connection, one after the other. */
export class HeaderReader {
  readonly #inflate = createInflate({ dictionary });
  #chunks: Buffer[] = [];
  #length = 0;
  #fail: ((error: Error) => void) | undefined;
  #broken: Error | undefined;

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => {
      this.#length += chunk.length;
      if (this.#length <= blockMaxBytes) this.#chunks.push(chunk);
      else this.#break(new SpdyError(`a header block unpacks to more than ${blockMaxBytes} bytes`));
    });
    this.#inflate.on('error', (cause) => {
      this.#break(new SpdyError('a header block cannot be unpacked', { cause }));
    });
    // Nothing may come after a last block, and there is always more to come.
    this.#inflate.on('end', () => this.#break(new SpdyError('the header blocks came to an end')));
    this.#inflate.on('close', () => this.#break(new SpdyError('the reader is closed')));
  }

  /** Must not be called again before it has answered. Throws `SpdyError`, then for ever. */
  async read(block: Uint8Array): Promise<Headers> {
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      if (this.#broken !== undefined) throw this.#broken;
      this.#chunks = [];
      this.#length = 0;
      this.#fail = reject;
      this.#inflate.write(block);
      this.#inflate.flush(() => resolve(Buffer.concat(this.#chunks)));
    });
    this.#fail = undefined;
    return parseHeaders(bytes);
  }

  close(): void {
    this.#inflate.destroy();
  }

  #break(error: Error): void {
    this.#broken ??= error;
    this.#chunks = [];
    this.#inflate.destroy();
    this.#fail?.(this.#broken);
  }
}

/**
 * Packs the blocks of one connection. Nothing is made smaller: a zlib stream may hold its bytes as
 * they are, and ours are few.
 */
export class HeaderWriter {
  #first = true;

  encode(headers: Headers): Buffer {
    const bytes = formatHeaders(headers);
    const size = Buffer.alloc(5);
    size.writeUInt16LE(bytes.length, 1);
    size.writeUInt16LE(~bytes.length & 0xffff, 3);
    // The empty block at the end makes the reader hand out what it has.
    const start = this.#first ? Buffer.of(0x78, 0x01) : Buffer.alloc(0);
    this.#first = false;
    return Buffer.concat([start, size, bytes, Buffer.of(0, 0, 0, 0xff, 0xff)]);
  }
}

function formatHeaders(headers: Headers): Buffer {
  const parts = [uint32(headers.size)];
  for (const text of [...headers].flat()) {
    const bytes = Buffer.from(text, 'latin1');
    parts.push(uint32(bytes.length), bytes);
  }
  const all = Buffer.concat(parts);
  if (all.length > blockMaxBytes) throw new SpdyError('the headers are too long');
  return all;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function parseHeaders(bytes: Buffer): Headers {
  let at = 0;
  const number = () => {
    if (at + 4 > bytes.length) throw new SpdyError('a header block is too short');
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = () => {
    const length = number();
    if (at + length > bytes.length) throw new SpdyError('a header block is too short');
    at += length;
    return bytes.toString('latin1', at - length, at);
  };
  const headers = new Map<string, string>();
  for (let left = number(); left > 0; left -= 1) {
    const name = text();
    headers.set(name.toLowerCase(), text());
  }
  return headers;
}
