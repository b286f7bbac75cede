import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../api/meta.ts';
import type { Schema } from '../../api/schema.ts';
import { applyDefaults, coerceMeta, prune, validate, withUncheckedRules } from './index.ts';

const schema: Schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['size'],
      properties: {
        size: { type: 'integer', minimum: 1, maximum: 10 },
        color: { type: 'string', enum: ['red', 'green'], default: 'red' },
        note: { type: 'string', nullable: true },
        tags: {
          type: 'array',
          items: { type: 'string', maxLength: 3 },
          maxItems: 4,
          'x-kubernetes-list-type': 'set',
        },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port', 'protocol'],
          items: {
            type: 'object',
            required: ['port'],
            properties: {
              port: { type: 'integer' },
              protocol: { type: 'string', default: 'TCP' },
              name: { type: 'string', pattern: '^[a-z]+$' },
            },
          },
        },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        limit: { 'x-kubernetes-int-or-string': true },
        when: { type: 'string', format: 'date-time' },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        choice: { anyOf: [{ minimum: 5 }, { maximum: 1 }], type: 'integer' },
        template: {
          type: 'object',
          'x-kubernetes-embedded-resource': true,
          'x-kubernetes-preserve-unknown-fields': true,
        },
      },
    },
  },
};

const errorsOf = (spec: JsonValue) =>
  validate({ spec }, schema).map(({ field, message }) => `${field}: ${message}`);

describe('validate', () => {
  it.each<readonly [JsonObject, readonly string[]]>([
    [{ size: 1 }, []],
    [{}, ['spec.size: Required value']],
    [
      { size: 11 },
      ['spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10'],
    ],
    [
      { size: 2n ** 60n },
      [
        'spec.size: Invalid value: 1152921504606846976: spec.size in body should be less than or equal to 10',
      ],
    ],
    [
      { size: 'big' },
      ['spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'],
    ],
    [
      { size: 1.5 },
      ['spec.size: Invalid value: "number": spec.size in body must be of type integer: "number"'],
    ],
    [
      { size: 1, color: 'pink' },
      ['spec.color: Unsupported value: "pink": supported values: "red", "green"'],
    ],
    [{ size: 1, note: null }, []],
    [{ size: 1, tags: ['long'] }, ['spec.tags[0]: Too long: may not be more than 3 bytes']],
    [{ size: 1, tags: ['äöü'] }, []],
    [
      { size: 1, tags: ['a', 'b', 'c', 'd', 'e'] },
      ['spec.tags: Too many: 5: must have at most 4 items'],
    ],
    [{ size: 1, tags: ['a', 'b', 'a', 'a'] }, ['spec.tags[2]: Duplicate value: "a"']],
    [
      {
        size: 1,
        ports: [
          { port: 1, protocol: 'TCP' },
          { port: 1, protocol: 'TCP' },
        ],
      },
      ['spec.ports[1]: Duplicate value: {"port":1,"protocol":"TCP"}'],
    ],
    [
      { size: 1, ports: [{ port: 1, name: 'X' }] },
      [
        `spec.ports[0].name: Invalid value: "X": spec.ports[0].name in body should match '^[a-z]+$'`,
      ],
    ],
    [
      { size: 1, labels: { a: 1 } },
      [
        'spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
      ],
    ],
    [{ size: 1, limit: '5%' }, []],
    [
      { size: 1, limit: true },
      [
        'spec.limit: Invalid value: "boolean": spec.limit in body must be of type integer,string: "boolean"',
      ],
    ],
    [
      { size: 1, when: 'now' },
      ['spec.when: Invalid value: "now": spec.when in body must be of type date-time: "now"'],
    ],
    [
      { size: 1, choice: 3 },
      [
        '<nil>: Invalid value: "": "spec.choice" must validate at least one schema (anyOf)',
        'spec.choice: Invalid value: 3: spec.choice in body should be greater than or equal to 5',
      ],
    ],
    [
      { size: 1, template: { kind: 'a b' } },
      [
        'spec.template.apiVersion: Required value',
        `spec.template.kind: Invalid value: "a b": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
      ],
    ],
  ])('judges %o', (spec, errors) => {
    expect(errorsOf(spec)).toEqual(errors);
  });

  it('does not mistake inherited names for fields', () => {
    const strict: Schema = { type: 'object', required: ['constructor'], properties: {} };
    expect(validate({}, strict)).toHaveLength(1);
    const value = { toString: 1 };
    expect(prune(value, strict)).toEqual(['toString']);
  });

  it('says so when rules were not looked at, and only then', () => {
    const withRule: Schema = { ...schema, 'x-kubernetes-validations': [{ rule: 'true' }] };
    const blocked = withUncheckedRules(validate({}, withRule), withRule);
    expect(blocked.at(-1)).toMatchObject({ field: '<nil>' });
    const tooBig = withUncheckedRules(validate({ spec: { size: 11 } }, withRule), withRule);
    expect(tooBig).toHaveLength(1);
    expect(withUncheckedRules(validate({}, schema), schema)).toHaveLength(1);
  });

  it('takes patterns that are bad or would run for ever', () => {
    const bad: Schema = { type: 'string', pattern: '+' };
    expect(validate('x', bad)[0]?.message).toContain(
      'but pattern is invalid: error parsing regexp',
    );
    const slow: Schema = { type: 'string', pattern: '^(a+)+$' };
    expect(validate(`${'a'.repeat(5000)}b`, slow)).toHaveLength(1);
  });
});

describe('prune', () => {
  it('drops at all depths and says where, sorted', () => {
    const value: JsonObject = {
      apiVersion: 'v1',
      metadata: { name: 'x', odd: 1 },
      zz: 1,
      spec: {
        size: 1,
        no: 1,
        ports: [{ port: 1, no: 2 }],
        free: { any: { thing: 1 } },
        labels: { a: 'b' },
      },
    };
    expect(prune(value, schema)).toEqual(['spec.no', 'spec.ports[0].no', 'zz']);
    expect(value).toEqual({
      apiVersion: 'v1',
      metadata: { name: 'x', odd: 1 },
      spec: { size: 1, ports: [{ port: 1 }], free: { any: { thing: 1 } }, labels: { a: 'b' } },
    });
  });
});

describe('applyDefaults', () => {
  it('fills what is absent or null, and drops other nulls', () => {
    const value: JsonObject = {
      spec: { size: null, color: null, note: null, ports: [{ port: 1 }], tags: [null] },
    };
    applyDefaults(value, schema);
    expect(value).toEqual({
      spec: { color: 'red', note: null, ports: [{ port: 1, protocol: 'TCP' }], tags: [null] },
    });
  });

  it('never shares a default between objects', () => {
    const shared: Schema = { properties: { l: { type: 'array', default: [{}] } } };
    const [one, two]: JsonObject[] = [{}, {}];
    applyDefaults(one!, shared);
    applyDefaults(two!, shared);
    expect(one!['l']).not.toBe(two!['l']);
  });
});

describe('laws', () => {
  const keys = fc.constantFrom(
    'size',
    'color',
    'note',
    'ports',
    'port',
    'labels',
    'free',
    'x',
    'tags',
  );
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium' },
      fc.constantFrom(null, 1, 'red', true),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
    ),
  }));

  it('pruning twice drops nothing more', () => {
    fc.assert(
      fc.property(value, (spec) => {
        const object = { spec };
        prune(object, schema);
        const once = structuredClone(object);
        expect(prune(object, schema)).toEqual([]);
        expect(object).toEqual(once);
      }),
    );
  });

  it('defaulting twice changes nothing more, and prunes nothing new', () => {
    fc.assert(
      fc.property(value, (spec) => {
        const object = { spec };
        prune(object, schema);
        applyDefaults(object, schema);
        const once = structuredClone(object);
        applyDefaults(object, schema);
        expect(object).toEqual(once);
        expect(prune(object, schema)).toEqual([]);
      }),
    );
  });
});

describe('coerceMeta', () => {
  it('drops unknown and empty fields, of embedded objects too', () => {
    const object: JsonObject = {
      metadata: {
        name: 'x',
        bogus: 1,
        labels: {},
        creationTimestamp: null,
        ownerReferences: [{ odd: 1 }],
      },
      spec: { template: { apiVersion: 'v1', kind: 'X', metadata: { name: 'y', bogus: 2 } } },
    };
    const { unknown, error } = coerceMeta(object, schema);
    expect(error).toBeUndefined();
    expect(unknown).toEqual([
      'metadata.bogus',
      'metadata.ownerReferences[0].odd',
      'spec.template.metadata.bogus',
    ]);
    expect(object['spec']).toEqual({
      template: { apiVersion: 'v1', kind: 'X', metadata: { name: 'y' } },
    });
  });

  it('tells what cannot be read, or drops it when asked to', () => {
    const broken = () => ({ metadata: { name: 'x', labels: { a: 1 } } });
    expect(coerceMeta(broken(), schema).error?.message).toBe(
      'Invalid value: {"labels":{"a":1},"name":"x"}: json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string',
    );
    const object = broken();
    expect(coerceMeta(object, schema, { dropInvalidFields: true }).error).toBeUndefined();
    expect(object).toEqual({ metadata: { name: 'x' } });
  });
});
