/** SPDY/3.1 frames: eight bytes of head, and what they announce. Source: SPDY/3.1 draft, section 2.2. */

export type Frame =
  /** `block` is packed: see `header-block.ts`. */
  | {
      readonly type: 'synStream' | 'synReply' | 'headers';
      readonly streamId: number;
      readonly fin: boolean;
      readonly block: Buffer;
    }
  | { readonly type: 'reset'; readonly streamId: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | {
      readonly type: 'data';
      readonly streamId: number;
      readonly fin: boolean;
      readonly data: Uint8Array;
    };

/** The other side does not keep to the protocol, or to our limits. */
export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}

/** Why a stream is reset. */
export const resetStatus = {
  protocolError: 1,
  refusedStream: 3,
  cancel: 5,
  internalError: 6,
} as const;

/** kubectl's frames hold 32 KiB. */
export const dataMaxBytes = 1 << 20;
export const controlMaxBytes = 32 << 10;

const headBytes = 8;
const version = 3;
const finFlag = 1;
const idMask = 0x7fff_ffff;
const kinds = { synStream: 1, synReply: 2, reset: 3, ping: 6, headers: 8 } as const;

/** Takes frames out of bytes that come in pieces of any size; holds one frame at most. */
export class FrameReader {
  readonly #head = Buffer.alloc(headBytes);
  #headLength = 0;
  #body: Buffer | undefined;
  #bodyLength = 0;

  /** The frames that `chunk` completes, of the kinds above. Throws `SpdyError`. */
  *push(chunk: Uint8Array): Generator<Frame> {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      if (this.#body === undefined) {
        const taken = rest.copy(this.#head, this.#headLength);
        rest = rest.subarray(taken);
        this.#headLength += taken;
        if (this.#headLength < headBytes) return;
        this.#body = Buffer.allocUnsafe(bodyLength(this.#head));
        this.#bodyLength = 0;
      }
      const taken = rest.copy(this.#body, this.#bodyLength);
      rest = rest.subarray(taken);
      this.#bodyLength += taken;
      if (this.#bodyLength < this.#body.length) return;
      const frame = parse(this.#head, this.#body);
      this.#body = undefined;
      this.#headLength = 0;
      if (frame !== undefined) yield frame;
    }
  }
}

/** The bytes of a frame. */
export function encodeFrame(frame: Frame): Buffer {
  switch (frame.type) {
    case 'data': {
      const head = Buffer.alloc(headBytes);
      head.writeUInt32BE(frame.streamId);
      head.writeUInt32BE(withFlags(frame.fin, frame.data.length), 4);
      return Buffer.concat([head, frame.data]);
    }
    case 'ping':
      return control(kinds.ping, false, [frame.id]);
    case 'reset':
      return control(kinds.reset, false, [frame.streamId, frame.status]);
    case 'synStream':
      // The stream it belongs to, its priority and slot: none.
      return control(kinds.synStream, frame.fin, [frame.streamId, 0], Buffer.alloc(2), frame.block);
    case 'synReply':
    case 'headers':
      return control(kinds[frame.type], frame.fin, [frame.streamId], frame.block);
  }
}

function control(
  kind: number,
  fin: boolean,
  words: readonly number[],
  ...more: readonly Buffer[]
): Buffer {
  const head = Buffer.alloc(headBytes + words.length * 4);
  const length = more.reduce((sum, each) => sum + each.length, words.length * 4);
  head.writeUInt16BE(0x8000 | version, 0);
  head.writeUInt16BE(kind, 2);
  head.writeUInt32BE(withFlags(fin, length), 4);
  words.forEach((word, index) => {
    head.writeUInt32BE(word, headBytes + index * 4);
  });
  return Buffer.concat([head, ...more]);
}

function withFlags(fin: boolean, length: number): number {
  return (fin ? finFlag * 2 ** 24 : 0) + length;
}

function isControl(head: Buffer): boolean {
  return head.readUInt8(0) >= 0x80;
}

function bodyLength(head: Buffer): number {
  const length = head.readUIntBE(5, 3);
  const max = isControl(head) ? controlMaxBytes : dataMaxBytes;
  if (length > max) throw new SpdyError(`a frame of ${length} bytes is longer than ${max}`);
  return length;
}

/** `undefined` for kinds that mean nothing here: settings, windows, farewells, what is unknown. */
function parse(head: Buffer, body: Buffer): Frame | undefined {
  const fin = (head.readUInt8(4) & finFlag) !== 0;
  if (!isControl(head)) {
    return { type: 'data', streamId: head.readUInt32BE(0) & idMask, fin, data: body };
  }
  const spoken = head.readUInt16BE(0) & 0x7fff;
  if (spoken !== version) throw new SpdyError(`version ${spoken} of SPDY is not spoken here`);
  const word = (index: number): number => {
    if (body.length < index * 4 + 4) throw new SpdyError('a control frame is too short');
    return body.readUInt32BE(index * 4);
  };
  switch (head.readUInt16BE(2)) {
    case kinds.synStream: {
      const streamId = word(0) & idMask;
      word(1);
      return { type: 'synStream', streamId, fin, block: body.subarray(10) };
    }
    case kinds.synReply:
      return { type: 'synReply', streamId: word(0) & idMask, fin, block: body.subarray(4) };
    case kinds.headers:
      return { type: 'headers', streamId: word(0) & idMask, fin, block: body.subarray(4) };
    case kinds.reset:
      return { type: 'reset', streamId: word(0) & idMask, status: word(1) };
    case kinds.ping:
      return { type: 'ping', id: word(0) };
    default:
      return undefined;
  }
}
