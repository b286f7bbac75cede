import { describe, expect, it } from 'vitest';
import type { Schema } from '../../api/schema.ts';
import { validateStructural } from './index.ts';

/** Judges one property `a`; schemas of requests may be anything. */
const judge = (a: object) =>
  validateStructural({ type: 'object', properties: { a: a as Schema } }, { path: 'root' }).map(
    ({ field, message }) => `${field.replace('root.properties[a]', '~')}: ${message}`,
  );

describe('validateStructural', () => {
  it.each<readonly [object, readonly string[]]>([
    [{ type: 'string' }, []],
    [{}, ['~.type: Required value: must not be empty for specified object fields']],
    [{ 'x-kubernetes-preserve-unknown-fields': true }, []],
    [{ type: 'array' }, ['~.items: Required value: must be specified']],
    [
      { type: 'text' },
      [
        '~.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
      ],
    ],
    [{ $ref: '#/x' }, ['~.$ref: Forbidden: $ref is not supported']],
    [
      { type: 'string', anyOf: [{ type: 'string' }] },
      ['~.anyOf[0].type: Forbidden: must be empty to be structural'],
    ],
    [{ 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }, []],
    [
      { type: 'object', allOf: [{ required: ['x'], properties: { x: { minLength: 1 } } }] },
      ['~.properties[x]: Required value: because it is defined in allOf[0].properties[x]'],
    ],
    [
      { type: 'integer', maximum: 3, default: 5 },
      ['~.default: Invalid value: 5:  in body should be less than or equal to 3'],
    ],
    [
      {
        type: 'string',
        default: 'x',
        'x-kubernetes-validations': [{ rule: "self != 'x'", message: 'not x' }],
      },
      ['~.default: Invalid value: "x": not x'],
    ],
    [
      { type: 'object', properties: { b: { type: 'string' } }, default: { c: 1 } },
      ['~.default: Invalid value: {"c":1}: must not have unknown fields'],
    ],
    [
      {
        type: 'array',
        items: { type: 'object', properties: { k: { type: 'string' } } },
        'x-kubernetes-list-type': 'map',
      },
      [
        '~.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map',
      ],
    ],
    [
      {
        type: 'array',
        items: { type: 'object', properties: { k: { type: 'string' } } },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      },
      [
        '~.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
      ],
    ],
    [
      { type: 'string', pattern: '(' },
      [
        '~.pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(`',
      ],
    ],
  ])('judges %j', (schema, errors) => {
    expect(judge(schema)).toEqual(errors);
  });

  it.each<readonly [string, object, readonly string[]]>([
    [
      'a check of what only additionalProperties declare',
      {
        type: 'object',
        additionalProperties: { type: 'string' },
        allOf: [{ properties: { x: { minLength: 1 } } }],
      },
      ['properties[x]'],
    ],
    [
      'rules inside of allOf',
      { type: 'string', allOf: [{ 'x-kubernetes-validations': [{ rule: 'true' }] }] },
      ['allOf[0].x-kubernetes-validations'],
    ],
    [
      'no further fields where some are named',
      { type: 'object', additionalProperties: false, properties: { x: { type: 'string' } } },
      ['additionalProperties'],
    ],
    ['a list of schemas', { type: 'array', items: [{ type: 'string' }] }, ['items']],
    ['null', { type: 'null' }, ['type', 'type']],
    [
      'an open map as an object',
      {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        'x-kubernetes-preserve-unknown-fields': true,
        additionalProperties: { type: 'string' },
      },
      ['additionalProperties'],
    ],
  ])('refuses %s', (_, schema, fields) => {
    const found = judge(schema).map((text) => text.split(':')[0]);
    expect(found).toEqual(fields.map((field) => `~.${field}`));
  });

  const embed = (properties: object) => ({
    type: 'object',
    'x-kubernetes-embedded-resource': true,
    properties,
  });

  it.each<readonly [string, object, readonly string[]]>([
    [
      'metadata with a default that is no metadata',
      embed({ metadata: { type: 'object', default: { labels: { a: '*' } } } }),
      ['properties[metadata].default'],
    ],
    [
      'a kind that is none',
      embed({ kind: { type: 'string', default: '*' } }),
      ['properties[kind].default'],
    ],
    [
      'defaults for all annotations',
      embed({
        metadata: {
          type: 'object',
          properties: {
            annotations: {
              type: 'object',
              additionalProperties: { type: 'string', default: 'x' },
            },
          },
        },
      }),
      ['properties[metadata].properties[annotations].additionalProperties.default'],
    ],
    [
      'any other field, and unknown metadata in a default',
      {
        ...embed({ metadata: { type: 'object', properties: { labels: { type: 'object' } } } }),
        default: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', unknown: 1 } },
      },
      [],
    ],
  ])('judges an embedded object with %s', (_, schema, fields) => {
    const found = judge(schema).map((text) => text.split(':')[0]);
    expect(found).toEqual(fields.map((field) => `~.${field}`));
  });

  it('keeps the root plain where the status is checked by itself', () => {
    const schema: Schema = { type: 'object', anyOf: [{ required: ['a'] }], properties: {} };
    expect(validateStructural(schema, { path: 'root', hasStatus: true })).toHaveLength(1);
    expect(validateStructural({ type: 'object', nullable: false }, { hasStatus: true })).toEqual(
      [],
    );
  });

  it('keeps metadata to names without defaults', () => {
    const withMeta = (metadata: Schema) =>
      validateStructural({ type: 'object', properties: { metadata } }).length;
    expect(
      withMeta({ type: 'object', properties: { name: { type: 'string', pattern: '^a' } } }),
    ).toBe(0);
    expect(withMeta({ type: 'object', properties: { labels: { type: 'object' } } })).toBe(1);
    expect(
      withMeta({ type: 'object', properties: { name: { type: 'string', default: 'x' } } }),
    ).toBe(1);
  });
});
