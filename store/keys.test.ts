import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeVersion, encodeVersion, encodeVersionKey } from './embedded-records.ts';
import { compareKeys, keyBytes, prefixEnd, startsWith } from './keys.ts';

const key = fc.oneof(
  fc.string({ unit: fc.constantFrom('\0', '\x01', 'a', 'b', '\u{FFFD}', '\u{1F6A2}') }),
  fc.string({ unit: 'grapheme' }),
);
const revision = fc.bigInt({ min: 1n, max: 2n ** 53n });

test('whatever begins with a prefix lies before its end, whatever follows does not', () => {
  const anyBytes = fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(anyBytes, anyBytes, (prefix, bytes) => {
      const end = prefixEnd(prefix);
      const isInside =
        Buffer.compare(bytes, prefix) >= 0 && (end === undefined || Buffer.compare(bytes, end) < 0);
      expect(isInside).toBe(startsWith(bytes, prefix));
    }),
  );
});

test('versions sort by key, then by revision, and can be read back', () => {
  fc.assert(
    fc.property(key, revision, key, revision, (a, aRevision, b, bRevision) => {
      const order = Math.sign(
        Buffer.compare(
          encodeVersionKey(keyBytes(a), aRevision),
          encodeVersionKey(keyBytes(b), bRevision),
        ),
      );
      const byRevision = aRevision < bRevision ? -1 : aRevision > bRevision ? 1 : 0;
      expect(order).toBe(Math.sign(compareKeys(a, b)) || byRevision);
      const value = encodeVersion({ index: 7, createRevision: bRevision });
      expect(decodeVersion(encodeVersionKey(keyBytes(a), aRevision), value)).toEqual({
        key: keyBytes(a),
        revision: aRevision,
        index: 7,
        createRevision: bRevision,
      });
    }),
  );
});
