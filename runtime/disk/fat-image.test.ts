import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fatImage } from './fat-image.ts';

/** Reads an image by the format's own words, without knowing how it was written. */
function read(image: Buffer): { label: string; files: Record<string, string> } {
  const sector = image.readUInt16LE(11);
  const perCluster = image.readUInt8(13) * sector;
  const fatStart = image.readUInt16LE(14) * sector;
  const fatBytes = image.readUInt16LE(22) * sector;
  const rootStart = fatStart + image.readUInt8(16) * fatBytes;
  const rootBytes = image.readUInt16LE(17) * 32;
  const dataStart = rootStart + rootBytes;
  const files: Record<string, string> = {};
  let label = '';
  let long: string[] = [];
  for (let at = rootStart; at < dataStart && image[at] !== 0; at += 32) {
    const kind = image.readUInt8(at + 11);
    if (kind === 0x08) label = image.toString('latin1', at, at + 11).trimEnd();
    else if (kind === 0x0f) {
      const chars = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30].map((o) =>
        image.readUInt16LE(at + o),
      );
      const end = chars.findIndex((char) => char === 0 || char === 0xffff);
      const used = end < 0 ? chars : chars.slice(0, end);
      long.unshift(String.fromCharCode(...used));
    } else {
      const parts: Buffer[] = [];
      for (let c = image.readUInt16LE(at + 26); c >= 2 && c < 0xfff8; ) {
        const start = dataStart + (c - 2) * perCluster;
        parts.push(image.subarray(start, start + perCluster));
        c = image.readUInt16LE(fatStart + c * 2);
      }
      const size = image.readUInt32LE(at + 28);
      files[long.join('')] = Buffer.concat(parts).subarray(0, size).toString('latin1');
      long = [];
    }
  }
  return { label, files };
}

test('files come back under their names, however many clusters they take', () => {
  const name = fc.stringMatching(/^[a-z][a-z-]{0,40}$/);
  const content = fc.uint8Array({ maxLength: 5_000 });
  fc.assert(
    fc.property(fc.dictionary(name, content, { maxKeys: 6 }), (files) => {
      const list = Object.entries(files).map(([each, bytes]) => ({ name: each, content: bytes }));
      const found = read(fatImage('CIDATA', list));
      expect(found.label).toBe('CIDATA');
      const wanted = list.map((each) => [each.name, Buffer.from(each.content).toString('latin1')]);
      expect(found.files).toEqual(Object.fromEntries(wanted));
    }),
    { numRuns: 30 },
  );
});

test('what does not fit is refused', () => {
  const content = Buffer.alloc(40 << 20);
  expect(() => fatImage('X', [{ name: 'big', content }])).toThrow(RangeError);
});
