/** XDR, the way libvirt writes values: big-endian, everything in multiples of four bytes. Source: RFC 4506. */

export interface TypedNumber {
  readonly type: keyof typeof parameterType;
  readonly value: bigint;
}

/** Source: virTypedParameterType. */
const parameterType = { signed: 3, unsigned: 4 } as const;

export class XdrWriter {
  readonly #parts: Uint8Array[] = [];

  int(value: number): this {
    const part = Buffer.alloc(4);
    part.writeInt32BE(value | 0);
    return this.#add(part);
  }

  uint(value: number): this {
    return this.int(value);
  }

  hyper(value: bigint): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64BE(BigInt.asUintN(64, value));
    return this.#add(part);
  }

  double(value: number): this {
    const part = Buffer.alloc(8);
    part.writeDoubleBE(value);
    return this.#add(part);
  }

  string(value: string): this {
    return this.opaque(Buffer.from(value));
  }

  /** An optional value is a list of at most one. */
  optionalString(value: string | undefined): this {
    return value === undefined ? this.int(0) : this.int(1).string(value);
  }

  opaque(bytes: Uint8Array): this {
    return this.int(bytes.length).fixed(bytes);
  }

  /** Without a length: both sides know it. */
  fixed(bytes: Uint8Array): this {
    return this.#add(bytes).#add(Buffer.alloc(padding(bytes.length)));
  }

  /** Named numbers, as libvirt takes them for limits. Source: remote_typed_param. */
  parameters(values: Readonly<Record<string, TypedNumber>>): this {
    const entries = Object.entries(values);
    this.int(entries.length);
    for (const [name, { type, value }] of entries) {
      this.string(name).int(parameterType[type]).hyper(value);
    }
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #add(part: Uint8Array): this {
    this.#parts.push(part);
    return this;
  }
}

/** Throws `RangeError` when there is less than what is read. */
export class XdrReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int(): number {
    const value = this.#bytes.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  uint(): number {
    return this.int() >>> 0;
  }

  hyper(): bigint {
    const value = this.#bytes.readBigUInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  string(): string {
    return this.opaque().toString('utf8');
  }

  optionalString(): string | undefined {
    return this.int() === 0 ? undefined : this.string();
  }

  opaque(): Buffer {
    return this.fixed(this.uint());
  }

  fixed(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('the message ends too early');
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end + padding(length);
    return bytes;
  }

  /** Named values, whatever their types. Source: remote_typed_param. */
  parameters(): ReadonlyMap<string, bigint | number | string | boolean> {
    const found = new Map<string, bigint | number | string | boolean>();
    for (let count = this.uint(); count > 0; count -= 1) {
      const name = this.string();
      found.set(name, this.#value(this.int()));
    }
    return found;
  }

  /** What has not been read. */
  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }

  /** Source: virTypedParameterType. */
  #value(type: number): bigint | number | string | boolean {
    switch (type) {
      case 1:
      case 2:
        return this.int();
      case 3:
      case 4:
        return this.hyper();
      case 5: {
        const value = this.#bytes.readDoubleBE(this.#at);
        this.#at += 8;
        return value;
      }
      case 6:
        return this.int() !== 0;
      case 7:
        return this.string();
      default:
        throw new RangeError(`values of type ${type} are not known`);
    }
  }
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}
