/** Reads the protobuf wire format. Trusts nothing: every length is checked against what is there. */

/** What is wrong with the bytes. */
export class WireFormatError extends Error {
  override readonly name = 'WireFormatError';
}

/** `varint`, 8 bytes, a length and that many bytes, 4 bytes. */
export type WireType = 0 | 1 | 2 | 5;

export interface Tag {
  readonly field: number;
  readonly wireType: WireType;
}

const maxFieldNumber = 2 ** 29 - 1;
const maxVarintBytes = 10;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A cursor over a part of a message; parts share the bytes. */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  tag(): Tag {
    const key = this.uint();
    const field = Math.floor(key / 8);
    if (field === 0 || field > maxFieldNumber) throw new WireFormatError('illegal tag');
    const wireType = key % 8;
    if (wireType !== 0 && wireType !== 1 && wireType !== 2 && wireType !== 5) {
      throw new WireFormatError(`illegal wireType ${wireType}`);
    }
    return { field, wireType };
  }

  /** A signed integer of 64 bits. */
  int(): bigint {
    const start = this.#at;
    const value = this.uint();
    return Number.isSafeInteger(value) ? BigInt(value) : this.#longInt(start);
  }

  /** An unsigned integer; one of 2^53 and above may be inexact, but is not less than that. */
  uint(): number {
    let value = 0;
    for (let i = 0, scale = 1; i < maxVarintBytes; i += 1, scale *= 128) {
      const byte = this.#bytes[this.#take(1)] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new WireFormatError('integer overflow');
  }

  /** A number of 8 or 4 bytes. */
  fixed(wireType: 1 | 5): number {
    const size = wireType === 1 ? 8 : 4;
    const start = this.#take(size);
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, size);
    return size === 8 ? view.getFloat64(0, true) : view.getFloat32(0, true);
  }

  bytes(): Uint8Array {
    const size = this.uint();
    const start = this.#take(size);
    return this.#bytes.subarray(start, start + size);
  }

  /** Malformed UTF-8 becomes U+FFFD. */
  text(): string {
    return utf8.decode(this.bytes());
  }

  /** The message that comes next, to be read on its own. */
  message(): ProtobufReader {
    const size = this.uint();
    const start = this.#take(size);
    return new ProtobufReader(this.#bytes, start, start + size);
  }

  skip(wireType: WireType): void {
    if (wireType === 0) this.uint();
    else if (wireType === 2) this.#take(this.uint());
    else this.#take(wireType === 1 ? 8 : 4);
  }

  #take(size: number): number {
    const start = this.#at;
    if (size > this.#end - start) throw new WireFormatError('unexpected EOF');
    this.#at = start + size;
    return start;
  }

  /** The one that ends where the cursor is. */
  #longInt(start: number): bigint {
    let value = 0n;
    for (let at = this.#at - 1; at >= start; at -= 1) {
      value = (value << 7n) | BigInt((this.#bytes[at] ?? 0) & 0x7f);
    }
    return BigInt.asIntN(64, value);
  }
}
