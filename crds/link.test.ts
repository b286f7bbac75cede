import { describe, expect, it } from 'vitest';
import { createLinker, type SourceKind } from './link.ts';

const parts = {
  'a.yaml#Leaf': { type: 'string', description: 'A leaf.', 'x-berth-ignored': true },
  'a.yaml#Tree': {
    type: 'object',
    'x-berth-definition': 'io.example.Tree',
    properties: {
      left: { $ref: 'a.yaml#Leaf', 'x-berth-proto': 1 },
      right: { $ref: 'a.yaml#Leaf', description: 'The right one.' },
    },
  },
} as const;

describe('createLinker', () => {
  it('puts a part in the place of its reference, and what stands beside it wins', () => {
    const { schema } = createLinker(parts);
    const linked = schema({ type: 'array', items: { $ref: 'a.yaml#Tree' } });
    expect(linked.items?.properties).toEqual({
      left: { type: 'string', description: 'A leaf.', 'x-berth-ignored': true, 'x-berth-proto': 1 },
      right: { type: 'string', description: 'The right one.', 'x-berth-ignored': true },
    });
  });

  it('builds each part once', () => {
    const { part, schema } = createLinker(parts);
    expect(schema({ $ref: 'a.yaml#Tree' }).properties).toBe(part('a.yaml#Tree').properties);
  });

  it('throws for a part that does not exist', () => {
    expect(() => createLinker(parts).schema({ $ref: 'a.yaml#Root' })).toThrow('a.yaml#Root');
  });

  it('takes everything out that a CustomResourceDefinition may not say', () => {
    const kind: SourceKind = {
      group: 'example.com',
      scope: 'Cluster',
      names: { plural: 'trees', kind: 'Tree' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                tree: { $ref: 'a.yaml#Tree' },
                size: { format: 'quantity', 'x-kubernetes-int-or-string': true },
                // A field may have the name of one of our words.
                'x-berth-ignored': { type: 'integer', format: 'int32' },
                list: { type: 'array', 'x-kubernetes-patch-strategy': 'merge', items: {} },
                map: { type: 'object', additionalProperties: { $ref: 'a.yaml#Leaf' } },
              },
            },
          },
        },
      ],
    };
    expect(createLinker(parts).crdKind(kind).versions[0]?.schema.openAPIV3Schema).toEqual({
      type: 'object',
      properties: {
        tree: {
          type: 'object',
          properties: {
            left: { type: 'string', description: 'A leaf.' },
            right: { type: 'string', description: 'The right one.' },
          },
        },
        size: { 'x-kubernetes-int-or-string': true },
        'x-berth-ignored': { type: 'integer', format: 'int32' },
        list: { type: 'array', items: {} },
        map: { type: 'object', additionalProperties: { type: 'string', description: 'A leaf.' } },
      },
    });
  });
});
