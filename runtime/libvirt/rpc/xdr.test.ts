import fc from 'fast-check';
import { expect, test } from 'vitest';
import { XdrReader, XdrWriter } from './xdr.ts';

test('what is written is read, in multiples of four bytes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.uint8Array(),
      fc.option(fc.string(), { nil: undefined }),
      (text, int, hyper, bytes, optional) => {
        const written = new XdrWriter()
          .string(text)
          .int(int)
          .hyper(hyper)
          .opaque(bytes)
          .optionalString(optional)
          .bytes();
        expect(written.length % 4).toBe(0);
        const reader = new XdrReader(written);
        expect(reader.string()).toBe(text);
        expect(reader.int()).toBe(int);
        expect(reader.hyper()).toBe(hyper);
        expect([...reader.opaque()]).toEqual([...bytes]);
        expect(reader.optionalString()).toBe(optional);
        expect(reader.rest()).toHaveLength(0);
      },
    ),
  );
});

test('a message that ends too early is no message', () => {
  const cut = new XdrWriter().string('longer than that').bytes().subarray(0, 8);
  expect(() => new XdrReader(cut).string()).toThrow(RangeError);
});

test('named values of every type', () => {
  const written = new XdrWriter().int(5);
  written
    .string('a')
    .int(1)
    .int(-1)
    .string('b')
    .int(4)
    .hyper(2n ** 63n)
    .string('c')
    .int(5);
  written.double(0.5).string('d').int(6).int(1).string('e').int(7).string('words');
  const reader = new XdrReader(written.bytes());
  expect(Object.fromEntries(reader.parameters())).toEqual({
    a: -1,
    b: 2n ** 63n,
    c: 0.5,
    d: true,
    e: 'words',
  });
  expect(reader.rest()).toHaveLength(0);
  const strange = new XdrWriter().int(1).string('x').int(9).bytes();
  expect(() => new XdrReader(strange).parameters()).toThrow(RangeError);
});
