import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  controlMaxBytes,
  dataMaxBytes,
  encodeFrame,
  type Frame,
  FrameReader,
  SpdyError,
} from './frames.ts';

const id = fc.integer({ min: 0, max: 0x7fff_ffff });
const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constantFrom('synStream', 'synReply', 'headers'),
    streamId: id,
    fin: fc.boolean(),
    block: bytes,
  }),
  fc.record({ type: fc.constant('reset'), streamId: id, status: id }),
  fc.record({ type: fc.constant('ping'), id: fc.nat(0xffff_ffff) }),
  fc.record({ type: fc.constant('data'), streamId: id, fin: fc.boolean(), data: bytes }),
);

/** The frames in `all`, which comes in pieces of the given sizes, over and over. */
function read(all: Buffer, sizes: readonly number[]): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (let at = 0, i = 0; at < all.length; i += 1) {
    const size = sizes[i % sizes.length]!;
    frames.push(...reader.push(all.subarray(at, at + size)));
    at += size;
  }
  return frames;
}

const head = (...words: number[]) => {
  const all = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) all.writeUInt32BE(word, index * 4);
  return all;
};

describe('frames', () => {
  test('come out as they went in, however they are cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), sizes, (frames, cuts) => {
        expect(read(Buffer.concat(frames.map(encodeFrame)), cuts)).toEqual(frames);
      }),
    );
  });

  test('look as the protocol says', () => {
    const fin = encodeFrame({ type: 'data', streamId: 3, fin: true, data: Buffer.from('hi') });
    expect(fin.toString('hex')).toBe('00000003010000026869');
    const ping = encodeFrame({ type: 'ping', id: 7 });
    expect(ping.toString('hex')).toBe('800300060000000400000007');
    const opening = { type: 'synStream', streamId: 1, fin: false, block: Buffer.of(9) } as const;
    expect(encodeFrame(opening).toString('hex')).toBe('800300010000000b0000000100000000000009');
  });

  test('settings, windows, farewells and unknown ones are passed over', () => {
    const other = [4, 7, 9, 99].map((kind) => head(0x8003_0000 + kind, 8, 1, 2));
    const ping = encodeFrame({ type: 'ping', id: 1 });
    expect(read(Buffer.concat([...other, ping]), [5])).toEqual([{ type: 'ping', id: 1 }]);
  });

  test('that are too long, too short or of another version are refused', () => {
    for (const bad of [
      head(1, dataMaxBytes + 1),
      head(0x8003_0001, controlMaxBytes + 1),
      head(0x8003_0001, 4, 1),
      head(0x8003_0003, 4, 1),
      head(0x8003_0006, 0),
      head(0x8002_0006, 4, 1),
    ]) {
      expect(() => read(bad, [100])).toThrow(SpdyError);
    }
  });

  test('random bytes give frames or SpdyError, and nothing is held beyond one frame', () => {
    const noise = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 30 });
    fc.assert(
      fc.property(noise, (chunks) => {
        const reader = new FrameReader();
        try {
          for (const chunk of chunks) for (const each of reader.push(chunk)) encodeFrame(each);
        } catch (error) {
          expect(error).toBeInstanceOf(SpdyError);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a long frame in single bytes costs no more than itself', () => {
    const data = Buffer.alloc(200_000, 7);
    const all = encodeFrame({ type: 'data', streamId: 1, fin: false, data });
    const reader = new FrameReader();
    const before = process.memoryUsage().arrayBuffers;
    let early = 0;
    for (let at = 0; at < all.length - 1; at += 1) {
      early += [...reader.push(all.subarray(at, at + 1))].length;
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 << 20);
    expect(early).toBe(0);
    expect([...reader.push(all.subarray(-1))]).toHaveLength(1);
  });
});
