import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { JsonObject } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { trackUpdate } from './index.ts';

const schema: Schema = {
  type: 'object',
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    size: { type: 'integer' },
    when: { type: 'string', format: 'date-time' },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port'],
      items: {
        type: 'object',
        properties: { port: { type: 'integer' }, name: { type: 'string' } },
      },
    },
    nested: {
      type: 'object',
      default: {},
      properties: { on: { type: 'boolean' }, text: { type: 'string' } },
    },
  },
};

const word = fc.constantFrom('', 'a', 'b');
const wrong = fc.constantFrom<JsonObject | string | null>(null, 'text', {});
const object = fc
  .record(
    {
      size: fc.oneof(fc.nat(2), wrong),
      when: fc.oneof(word, wrong),
      labels: fc.oneof(fc.dictionary(fc.constantFrom('x', 'y'), word), wrong),
      tags: fc.oneof(fc.array(word, { maxLength: 2 }), wrong),
      ports: fc.oneof(
        fc.array(fc.record({ port: fc.nat(2), name: word }, { requiredKeys: ['port'] })),
        wrong,
      ),
      nested: fc.oneof(
        fc.record({ on: fc.boolean(), text: word }, { requiredKeys: [] }),
        fc.constant(null),
      ),
    },
    { requiredKeys: [] },
  )
  .map(
    (fields): JsonObject => ({ apiVersion: 'v1', kind: 'T', metadata: { name: 'a' }, ...fields }),
  );

const asked = { apiVersion: 'v1', live: undefined } as const;

it('owners that are remembered by the form of an object are those that are worked out', () => {
  const request = fc.record({
    next: object,
    manager: fc.constantFrom('one', 'two'),
    builtin: fc.boolean(),
    now: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
  });
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 40 }), (requests) => {
      const shared = structuredClone(schema);
      for (const each of requests) {
        const alone = trackUpdate({ ...asked, ...each, schema: structuredClone(schema) });
        expect(trackUpdate({ ...asked, ...each, schema: shared })).toEqual(alone);
      }
    }),
  );
});

it('two objects of one form share what is written of their fields', () => {
  const next = (name: string) => ({ apiVersion: 'v1', kind: 'T', metadata: { name }, size: 1 });
  const first = trackUpdate({ ...asked, schema, manager: 'm', next: next('a'), now: '1' });
  const second = trackUpdate({ ...asked, schema, manager: 'm', next: next('b'), now: '2' });
  expect(second[0]?.fieldsV1).toBe(first[0]?.fieldsV1);
  expect([first[0]?.time, second[0]?.time]).toEqual(['1', '2']);
});
