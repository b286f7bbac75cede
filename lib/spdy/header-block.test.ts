import { constants, createDeflate, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dictionary } from './dictionary.ts';
import { SpdyError } from './frames.ts';
import { blockMaxBytes, HeaderReader, HeaderWriter } from './header-block.ts';

/** Packs as other implementations do: really smaller, with the dictionary. */
function packer() {
  const deflate = createDeflate({ dictionary });
  let chunks: Buffer[] = [];
  deflate.on('data', (chunk: Buffer) => chunks.push(chunk));
  return (bytes: Buffer): Promise<Buffer> =>
    new Promise((resolve) => {
      chunks = [];
      deflate.write(bytes);
      deflate.flush(constants.Z_SYNC_FLUSH, () => resolve(Buffer.concat(chunks)));
    });
}

function plain(headers: Record<string, string>): Buffer {
  const number = (value: number) => Buffer.of(0, 0, value >> 8, value & 255);
  const texts = Object.entries(headers).flat();
  const counted = texts.flatMap((each) => [number(each.length), Buffer.from(each)]);
  return Buffer.concat([number(Object.keys(headers).length), ...counted]);
}

describe('header blocks', () => {
  test('the dictionary is the one of the protocol', () => {
    // A zlib stream names its dictionary by a checksum, after two bytes of head.
    const named = deflateSync(Buffer.alloc(0), { dictionary }).readUInt32BE(2);
    expect(named).toBe(0xe3c6_a7c2);
  });

  test('of a client that packs them; each builds on the one before', async () => {
    const pack = packer();
    const reader = new HeaderReader();
    for (let requestid = 0; requestid < 50; requestid += 1) {
      const headers = { Streamtype: 'error', port: '80', requestid: String(requestid) };
      const block = await pack(plain(headers));
      if (requestid > 0) expect(block.length).toBeLessThan(40);
      const read = Object.fromEntries(await reader.read(block));
      expect(read).toEqual({ streamtype: 'error', port: '80', requestid: String(requestid) });
    }
    reader.close();
  });

  test('come out as they went in', async () => {
    const name = fc.stringMatching(/^[a-z-]{1,20}$/);
    const value = fc.stringMatching(/^[ -~]{0,60}$/);
    const some = fc.array(fc.dictionary(name, value, { noNullPrototype: true }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(some, async (blocks) => {
        const reader = new HeaderReader();
        const writer = new HeaderWriter();
        for (const each of blocks) {
          const read = await reader.read(writer.encode(new Map(Object.entries(each))));
          expect(Object.fromEntries(read)).toEqual(each);
        }
        reader.close();
      }),
      { numRuns: 50 },
    );
  });

  test('a few bytes that unpack to very many are refused', async () => {
    const block = await packer()(Buffer.alloc(20 << 20));
    expect(block.length).toBeLessThan(32 << 10);
    const reader = new HeaderReader();
    const before = process.memoryUsage().arrayBuffers;
    await expect(reader.read(block)).rejects.toThrow(`more than ${blockMaxBytes} bytes`);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 << 20);
    await expect(reader.read(block)).rejects.toThrow(SpdyError);
  });

  test('a stream that ends, counts that lie, and a closed reader are refused', async () => {
    const ended = new HeaderReader();
    const last = deflateSync(Buffer.alloc(4), { dictionary });
    await ended.read(last).catch(() => undefined);
    await expect(ended.read(last)).rejects.toThrow(SpdyError);
    const pack = packer();
    const reader = new HeaderReader();
    for (const lie of [Buffer.of(0), Buffer.of(0, 0, 0, 1), Buffer.of(0, 0, 0, 1, 0, 0, 1, 0)]) {
      await expect(reader.read(await pack(lie))).rejects.toThrow(SpdyError);
    }
    reader.close();
    await expect(reader.read(Buffer.alloc(0))).rejects.toThrow(SpdyError);
  });

  test('random bytes give headers or SpdyError, never silence', async () => {
    const noise = fc.array(fc.uint8Array({ maxLength: 100 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(noise, fc.boolean(), async (blocks, isZlib) => {
        const reader = new HeaderReader();
        if (isZlib) await reader.read(new HeaderWriter().encode(new Map()));
        for (const block of blocks) {
          try {
            expect(await reader.read(block)).toBeInstanceOf(Map);
          } catch (error) {
            expect(error).toBeInstanceOf(SpdyError);
          }
        }
        reader.close();
      }),
      { numRuns: 300 },
    );
  });
});
