/** Writes the protobuf wire format. */

const firstBytes = 512;
/** Of a nested message: written in so many bytes, though fewer might do, so that nothing moves once it is known. */
const lengthBytes = 4;
const lengthMax = 2 ** (7 * lengthBytes) - 1;

/** Fields one after another; a field with its default value is to be left out by the caller. */
export class ProtobufWriter {
  #buffer = Buffer.allocUnsafe(firstBytes);
  #at: number;

  /** `head`: so many bytes are kept free in front of the message. */
  constructor(head = 0) {
    this.#at = head;
  }

  uint(field: number, value: number | bigint): void {
    this.#room(20);
    this.#varint(field * 8);
    if (typeof value === 'number') this.#varint(value);
    else this.#longVarint(value);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#room(20 + value.length);
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  text(field: number, value: string): void {
    const size = Buffer.byteLength(value);
    this.#room(20 + size);
    this.#varint(field * 8 + 2);
    this.#varint(size);
    this.#at += this.#buffer.write(value, this.#at, size, 'utf8');
  }

  /** A nested message, of what `write` writes. */
  message(field: number, write: () => void): void {
    this.#room(10 + lengthBytes);
    this.#varint(field * 8 + 2);
    const start = this.#at + lengthBytes;
    this.#at = start;
    write();
    this.#length(start - lengthBytes, this.#at - start);
  }

  /** All that was written, with the head before it; the writer is not to be used afterwards. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#at] = (rest % 0x80) + 0x80;
      this.#at += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#at] = rest;
    this.#at += 1;
  }

  #longVarint(value: bigint): void {
    if (value >= 0n && value <= Number.MAX_SAFE_INTEGER) {
      this.#varint(Number(value));
      return;
    }
    let rest = BigInt.asUintN(64, value);
    for (; rest >= 0x80n; rest >>= 7n) {
      this.#buffer[this.#at] = Number(rest & 0x7fn) + 0x80;
      this.#at += 1;
    }
    this.#buffer[this.#at] = Number(rest);
    this.#at += 1;
  }

  #length(at: number, length: number): void {
    if (length > lengthMax) throw new RangeError(`a message of ${length} bytes is too long`);
    for (let i = 0; i < lengthBytes; i += 1) {
      const more = i < lengthBytes - 1 ? 0x80 : 0;
      this.#buffer[at + i] = ((length >>> (7 * i)) & 0x7f) | more;
    }
  }
}
