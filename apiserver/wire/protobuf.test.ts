import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { StatusError } from '../../api/status.ts';
import { decodeProtobuf } from './protobuf.ts';

// A tiny encoder, so that the tests know the bytes from the specification and not from the decoder.
const varint = (value: number | bigint): number[] => {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return bytes;
};
const int = (field: number, value: number | bigint) => [...varint(field << 3), ...varint(value)];
const bytes = (field: number, value: readonly number[]) => [
  ...varint((field << 3) | 2),
  ...varint(value.length),
  ...value,
];
const text = (field: number, value: string) => bytes(field, [...Buffer.from(value)]);
const envelope = (kind: string, raw: readonly number[], more: readonly number[] = []) =>
  new Uint8Array([
    ...[0x6b, 0x38, 0x73, 0],
    ...bytes(1, [...text(1, 'v1'), ...text(2, kind)]),
    ...bytes(2, raw),
    ...more,
  ]);

const time: Schema = { type: 'string', format: 'date-time' };
const quantity: Schema = { format: 'quantity', 'x-kubernetes-int-or-string': true };

const schema: Schema = {
  type: 'object',
  required: ['ready', 'count'],
  'x-berth-proto-inline': [{ number: 20, fields: ['exec', 'path'] }],
  properties: {
    metadata: {
      type: 'object',
      'x-berth-proto': 1,
      properties: {
        name: { type: 'string', 'x-berth-proto': 1 },
        creationTimestamp: { ...time, 'x-berth-proto': 8 },
        labels: {
          type: 'object',
          'x-berth-proto': 11,
          additionalProperties: { type: 'string' },
        },
        fields: { type: 'object', format: 'fields-v1', 'x-berth-proto': 12 },
      },
    },
    data: {
      type: 'object',
      'x-berth-proto': 2,
      additionalProperties: { type: 'string', format: 'byte' },
    },
    replicas: {
      type: 'integer',
      format: 'int32',
      'x-berth-proto': 3,
      'x-berth-proto-optional': true,
    },
    priority: { type: 'integer', format: 'int32', 'x-berth-proto': 4 },
    big: { type: 'integer', format: 'int64', 'x-berth-proto': 5 },
    immutable: { type: 'boolean', 'x-berth-proto': 6, 'x-berth-proto-optional': true },
    hostNetwork: { type: 'boolean', 'x-berth-proto': 7 },
    ready: { type: 'boolean', 'x-berth-proto': 8 },
    count: { type: 'integer', format: 'int32', 'x-berth-proto': 9 },
    limits: { type: 'object', 'x-berth-proto': 10, additionalProperties: quantity },
    port: { format: 'int-or-string', 'x-kubernetes-int-or-string': true, 'x-berth-proto': 11 },
    renewTime: { type: 'string', format: 'micro-time', 'x-berth-proto': 12 },
    groups: { type: 'array', 'x-berth-proto': 13, items: { type: 'integer', format: 'int64' } },
    extra: {
      type: 'object',
      'x-berth-proto': 14,
      additionalProperties: { type: 'array', 'x-berth-proto-items': 1, items: { type: 'string' } },
    },
    emptyDir: { type: 'object', 'x-berth-proto': 15, properties: {} },
    exec: { type: 'string', 'x-berth-proto': 1 },
    path: { type: 'string', 'x-berth-proto': 2 },
    names: { type: 'array', 'x-berth-proto': 16, items: { type: 'string' } },
  },
};

const lookup = (_: string, kind: string) => (kind === 'Thing' ? { schema } : undefined);

function decode(raw: readonly number[]): JsonObject {
  const { kind, apiVersion, ...rest } = decodeProtobuf(envelope('Thing', raw), lookup).object;
  expect([apiVersion, kind]).toEqual(['v1', 'Thing']);
  return rest;
}

function failure(body: Uint8Array): StatusError {
  try {
    decodeProtobuf(body, lookup);
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error('did not throw');
}

describe('values', () => {
  it('reads what is set', () => {
    const meta = [...text(1, 'a'), ...bytes(8, [...int(1, 1_700_000_000), ...int(2, 0)])];
    expect(decode(bytes(1, meta))).toEqual({
      metadata: { name: 'a', creationTimestamp: '2023-11-14T22:13:20Z' },
    });
  });

  it('drops a time that is not set', () => {
    expect(decode(bytes(1, [...text(1, 'a'), ...bytes(8, [])]))).toEqual({
      metadata: { name: 'a' },
    });
  });

  it('takes zero as said only for pointers and required fields', () => {
    const zeros = [3, 4, 5, 6, 7, 8, 9].flatMap((field) => int(field, 0));
    expect(decode(zeros)).toEqual({ replicas: 0, immutable: false, ready: false, count: 0 });
  });

  it('reads negative and large numbers', () => {
    expect(decode([...int(3, -1), ...int(5, -5n)])).toEqual({ replicas: -1, big: -5 });
    expect(decode(int(5, 2n ** 63n - 1n))).toEqual({ big: 2n ** 63n - 1n });
  });

  it('reads maps, bytes and quantities', () => {
    const entry = (field: number, key: string, value: readonly number[]) =>
      bytes(field, [...text(1, key), ...value]);
    const raw = [
      ...entry(2, 'k', bytes(2, [1, 2, 255])),
      ...entry(2, 'empty', []),
      ...entry(10, 'cpu', bytes(2, text(1, '1500m'))),
      ...entry(14, 'scopes', bytes(2, [...text(1, 'a'), ...text(1, 'b')])),
      ...bytes(1, [...entry(11, 'app', text(2, 'web')), ...entry(11, 'b', text(2, ''))]),
    ];
    expect(decode(raw)).toEqual({
      data: { k: 'AQL/', empty: '' },
      limits: { cpu: '1500m' },
      extra: { scopes: ['a', 'b'] },
      metadata: { labels: { app: 'web', b: '' } },
    });
  });

  it('reads numbers or names, microseconds, raw JSON', () => {
    const micro = [...int(1, 1), ...int(2, 1_234_567)];
    const raw = [
      ...bytes(11, [...int(1, 1), ...int(2, 0), ...text(3, 'http')]),
      ...bytes(12, micro),
    ];
    expect(decode(raw)).toEqual({ port: 'http', renewTime: '1970-01-01T00:00:01.001234Z' });
    expect(decode(bytes(11, [...int(1, 0), ...int(2, 80)]))).toEqual({ port: 80 });
    expect(decode(bytes(1, bytes(12, text(1, '{"f:a":{}}'))))).toEqual({
      metadata: { fields: { 'f:a': {} } },
    });
  });

  it('reads lists, packed or not, and keeps their zeros', () => {
    expect(decode([...int(13, 1), ...int(13, 0)])).toEqual({ groups: [1, 0] });
    expect(decode(bytes(13, [...varint(1), ...varint(300)]))).toEqual({ groups: [1, 300] });
    expect(decode([...text(16, ''), ...text(16, 'b')])).toEqual({ names: ['', 'b'] });
  });

  it('puts inlined messages where JSON has them and keeps empty ones', () => {
    expect(decode([...bytes(20, text(2, '/x')), ...bytes(15, [])])).toEqual({
      path: '/x',
      emptyDir: {},
    });
  });

  it('merges a message that comes in parts, as protobuf says', () => {
    const raw = [
      ...bytes(1, text(1, 'a')),
      ...bytes(1, bytes(11, [...text(1, 'k'), ...text(2, 'v')])),
    ];
    expect(decode(raw)).toEqual({ metadata: { name: 'a', labels: { k: 'v' } } });
  });

  it('passes over fields it does not know', () => {
    const unknown = [
      ...int(100, 7),
      ...text(101, 'x'),
      ...varint((102 << 3) | 1),
      ...Array(8).fill(0),
    ];
    const fixed32 = [...varint((103 << 3) | 5), 0, 0, 0, 0];
    expect(decode([...unknown, ...fixed32, ...int(3, 2)])).toEqual({ replicas: 2 });
  });
});

describe('damage', () => {
  it('answers 400 to what is not this format', () => {
    const error = failure(new Uint8Array([0x7b, 0x7d]));
    expect(error.code).toBe(400);
    expect(error.message).toContain('expected prefix [107 56 115 0]');
  });

  it('answers 400 to a kind nobody knows', () => {
    const error = failure(envelope('Other', []));
    expect([error.code, error.message]).toEqual([
      400,
      'no kind "Other" is registered for version "v1"',
    ]);
  });

  it('does not trust lengths', () => {
    for (const raw of [
      [...varint((1 << 3) | 2), ...varint(2n ** 62n)],
      [...varint((1 << 3) | 2), 5, 1],
      [0x80],
      [...varint(3 << 3), ...Array(11).fill(0xff)],
      [...varint((102 << 3) | 1), 0],
      [0x0b],
      [0x00, 0x01],
    ]) {
      expect(failure(envelope('Thing', raw)).code).toBe(400);
    }
  });

  it('refuses wire types that do not fit, times out of range, and `__proto__`', () => {
    expect(failure(envelope('Thing', text(3, 'x'))).code).toBe(400);
    const late = bytes(1, bytes(8, int(1, 2n ** 60n)));
    expect(failure(envelope('Thing', late)).message).toBe('proto: time out of range');
    const map = bytes(1, bytes(11, [...text(1, '__proto__'), ...text(2, 'x')]));
    expect(failure(envelope('Thing', map)).code).toBe(400);
  });

  it('refuses messages that are too deep', () => {
    const deep: Record<string, Schema> = {};
    const loop: Schema = { type: 'object', properties: deep };
    deep['next'] = { ...loop, 'x-berth-proto': 1 };
    let raw: number[] = [];
    for (let i = 0; i < 200; i += 1) raw = bytes(1, raw);
    const run = () => decodeProtobuf(envelope('Deep', raw), () => ({ schema: loop }));
    expect(run).toThrow('exceeded max depth');
  });

  it('meets any bytes with an object or a StatusError', () => {
    const good = envelope('Thing', [
      ...bytes(1, [...text(1, 'a'), ...bytes(8, int(1, 5))]),
      ...int(3, 2),
      ...bytes(13, [1, 2, 3]),
      ...bytes(20, text(2, '/x')),
    ]);
    const mutated = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((changes) => {
        const body = Uint8Array.from(good);
        for (const [at, byte] of changes) body[at] = byte;
        return body;
      });
    const random = fc.uint8Array({ maxLength: 200 }).map((raw) => envelope('Thing', [...raw]));
    const check = (body: Uint8Array) => {
      try {
        decodeProtobuf(body, lookup);
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
      }
    };
    fc.assert(fc.property(fc.oneof(mutated, random, fc.uint8Array()), check), { numRuns: 3000 });
  });

  it('reads a long list in linear time', () => {
    const many = Array.from({ length: 100_000 }, () => text(16, 'x')).flat();
    const { names } = decode(many);
    expect(names).toHaveLength(100_000);
  });
});
