import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProtobufReader, WireFormatError } from './protobuf-reader.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

type Field =
  | { readonly type: 'uint'; readonly value: bigint }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'message'; readonly value: readonly Field[] };

const { fields } = fc.letrec<{ field: Field; fields: readonly Field[] }>((tie) => ({
  field: fc.oneof(
    fc.record({ type: fc.constant('uint' as const), value: fc.bigInt(0n, 2n ** 63n - 1n) }),
    fc.record({ type: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 700 }) }),
    fc.record({ type: fc.constant('text' as const), value: fc.string({ unit: 'grapheme' }) }),
    fc.record({ type: fc.constant('message' as const), value: tie('fields') }),
  ),
  fields: fc.array(tie('field'), { maxLength: 6 }),
}));

function writeAll(writer: ProtobufWriter, all: readonly Field[]): void {
  for (const [i, field] of all.entries()) {
    const number = i * 7 + 1;
    if (field.type === 'uint') writer.uint(number, field.value);
    else if (field.type === 'bytes') writer.bytes(number, field.value);
    else if (field.type === 'text') writer.text(number, field.value);
    else writer.message(number, () => writeAll(writer, field.value));
  }
}

function readAll(reader: ProtobufReader, all: readonly Field[]): Field[] {
  return all.map(({ type, value }, i) => {
    expect(reader.tag()).toEqual({ field: i * 7 + 1, wireType: type === 'uint' ? 0 : 2 });
    if (type === 'uint') return { type, value: reader.int() };
    if (type === 'bytes') return { type, value: new Uint8Array(reader.bytes()) };
    if (type === 'text') return { type, value: reader.text() };
    return { type, value: readAll(reader.message(), value) };
  });
}

test('what is written is read again', () => {
  fc.assert(
    fc.property(fields, fc.nat({ max: 9 }), (all, head) => {
      const writer = new ProtobufWriter(head);
      writeAll(writer, all);
      const reader = new ProtobufReader(writer.finish(), head);
      expect(readAll(reader, all)).toEqual(all);
      expect(reader.done).toBe(true);
    }),
  );
});

test('every field can be skipped', () => {
  fc.assert(
    fc.property(fields, (all) => {
      const writer = new ProtobufWriter();
      writeAll(writer, all);
      const reader = new ProtobufReader(writer.finish());
      for (const _ of all) reader.skip(reader.tag().wireType);
      expect(reader.done).toBe(true);
    }),
  );
});

test('integers as the format has them: negative ones take ten bytes', () => {
  const read = (...bytes: number[]) => new ProtobufReader(Uint8Array.from(bytes)).int();
  expect(read(0x96, 0x01)).toBe(150n);
  expect(read(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)).toBe(-1n);
  expect(read(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)).toBe(2n ** 63n - 1n);
  expect(read(0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)).toBe(2n ** 53n + 1n);
});

test('a length beyond the end, and a number without one, are refused', () => {
  const reader = (...bytes: number[]) => new ProtobufReader(Uint8Array.from(bytes));
  expect(() => reader(0x05, 0x00).bytes()).toThrow(WireFormatError);
  expect(() => reader(0x80).uint()).toThrow(WireFormatError);
  expect(() => reader(...Array.from({ length: 11 }, () => 0xff)).int()).toThrow(WireFormatError);
  expect(() => reader(0x03).tag()).toThrow(WireFormatError);
});
