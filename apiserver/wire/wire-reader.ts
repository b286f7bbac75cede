/** Reads the protobuf wire format. Trusts nothing: every length is checked against what is there. */

/** What is wrong with the bytes; `decodeProtobuf` turns it into a `StatusError`. */
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

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A cursor over a part of a message; parts share the bytes. */
export class WireReader {
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
    const key = this.#varint();
    const field = Number(key >> 3n);
    if (field === 0 || field > maxFieldNumber) throw new WireFormatError('illegal tag');
    const wireType = Number(key & 7n);
    if (wireType !== 0 && wireType !== 1 && wireType !== 2 && wireType !== 5) {
      throw new WireFormatError(`illegal wireType ${wireType}`);
    }
    return { field, wireType };
  }

  /** A signed integer of 64 bits. */
  int(): bigint {
    return BigInt.asIntN(64, this.#varint());
  }

  /** A number of 8 or 4 bytes. */
  fixed(wireType: 1 | 5): number {
    const size = wireType === 1 ? 8 : 4;
    const start = this.#take(size);
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, size);
    return size === 8 ? view.getFloat64(0, true) : view.getFloat32(0, true);
  }

  bytes(): Uint8Array {
    const size = this.#length();
    const start = this.#take(size);
    return this.#bytes.subarray(start, start + size);
  }

  /** Malformed UTF-8 becomes U+FFFD. */
  text(): string {
    return utf8.decode(this.bytes());
  }

  /** The message that comes next, to be read on its own. */
  message(): WireReader {
    const size = this.#length();
    const start = this.#take(size);
    return new WireReader(this.#bytes, start, start + size);
  }

  skip(wireType: WireType): void {
    if (wireType === 0) this.#varint();
    else if (wireType === 2) this.#take(this.#length());
    else this.#take(wireType === 1 ? 8 : 4);
  }

  #length(): number {
    const size = this.#varint();
    if (size > BigInt(this.#end - this.#at)) throw new WireFormatError('unexpected EOF');
    return Number(size);
  }

  #take(size: number): number {
    const start = this.#at;
    if (size > this.#end - start) throw new WireFormatError('unexpected EOF');
    this.#at = start + size;
    return start;
  }

  #varint(): bigint {
    let low = 0;
    for (let i = 0; i < 10; i += 1) {
      const byte = this.#bytes[this.#take(1)] ?? 0;
      // Four groups of seven bits fit a small integer; most numbers are no longer.
      if (i < 4) {
        low += (byte & 0x7f) * 2 ** (7 * i);
        if (byte < 0x80) return BigInt(low);
        continue;
      }
      return this.#longVarint(BigInt(low), byte);
    }
    throw new WireFormatError('integer overflow');
  }

  #longVarint(low: bigint, fifth: number): bigint {
    let value = low;
    let byte = fifth;
    for (let i = 4; i < 10; i += 1) {
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return BigInt.asUintN(64, value);
      if (i < 9) byte = this.#bytes[this.#take(1)] ?? 0;
    }
    throw new WireFormatError('integer overflow');
  }
}
