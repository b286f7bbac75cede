import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../api/meta.ts';
import type { Schema, ValidationRule } from '../../api/schema.ts';
import { validate, validateRules, validateStructural } from './index.ts';

const text: Schema = { type: 'string', maxLength: 20 };

function withRule(rule: ValidationRule, inner: Schema = { type: 'integer' }): Schema {
  return object({ a: { ...inner, 'x-kubernetes-validations': [rule] } });
}

function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: 'object', properties: { spec: { type: 'object', properties } } };
}

function told(spec: JsonValue, schema: Schema, old?: JsonValue): string[] {
  const before = old === undefined ? {} : { old: { spec: old } };
  const { errors } = validateRules({ spec }, schema, before);
  return errors.map(({ field, message }) => `${field}: ${message}`);
}

describe('what a client is told', () => {
  test('the rule itself, a message, or an expression for one', () => {
    expect(told({ a: 1 }, withRule({ rule: 'self > 1' }))).toEqual([
      'spec.a: Invalid value: 1: failed rule: self > 1',
    ]);
    expect(told({ a: 1 }, withRule({ rule: 'self > 1', message: 'more' }))).toEqual([
      'spec.a: Invalid value: 1: more',
    ]);
    const expression = "'not ' + string(self)";
    expect(told({ a: 1 }, withRule({ rule: 'self > 1', messageExpression: expression }))).toEqual([
      'spec.a: Invalid value: 1: not 1',
    ]);
  });

  test('a message expression that fails gives way to the message', () => {
    const rule = { rule: 'self > 1', message: 'more', messageExpression: "['x'][self]" };
    expect(told({ a: 1 }, withRule(rule))).toEqual(['spec.a: Invalid value: 1: more']);
  });

  test('another reason at another field', () => {
    const rule = {
      rule: 'self.b == 1',
      fieldPath: '.b',
      reason: 'FieldValueForbidden',
      message: 'no',
    };
    const inner: Schema = { type: 'object', properties: { b: { type: 'integer' } } };
    expect(told({ a: { b: 2 } }, withRule(rule, inner))).toEqual(['spec.a.b: Forbidden: no']);
  });

  test('a rule that cannot be evaluated', () => {
    const labels: Schema = { type: 'object', additionalProperties: text };
    expect(told({ a: {} }, withRule({ rule: "self['x'] == 'y'" }, labels))).toEqual([
      "spec.a: Invalid value: no such key: x evaluating rule: self['x'] == 'y'",
    ]);
  });
});

describe('rules about changes', () => {
  const fixed = withRule({ rule: 'self == oldSelf', message: 'is immutable' });

  test('are not asked on creation', () => {
    expect(told({ a: 1 }, fixed)).toEqual([]);
    expect(told({ a: 1 }, fixed, { a: 1 })).toEqual([]);
    expect(told({ a: 2 }, fixed, { a: 1 })).toEqual(['spec.a: Invalid value: 2: is immutable']);
  });

  test('are asked always with optionalOldSelf', () => {
    const rule = 'oldSelf.hasValue() ? self >= oldSelf.value() : self == 0';
    const schema = withRule({ rule, optionalOldSelf: true, message: 'from 0 upwards' });
    expect(told({ a: 1 }, schema)).toHaveLength(1);
    expect(told({ a: 0 }, schema)).toEqual([]);
    expect(told({ a: 2 }, schema, { a: 1 })).toEqual([]);
    expect(told({ a: 0 }, schema, { a: 1 })).toHaveLength(1);
  });

  test('follow the items of a list by their keys', () => {
    const item: Schema = {
      type: 'object',
      properties: { k: text, v: { type: 'integer' } },
      required: ['k'],
      'x-kubernetes-validations': [{ rule: 'self.v >= oldSelf.v' }],
    };
    const list: Schema = {
      type: 'array',
      items: item,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
    };
    const old = [
      { k: 'a', v: 1 },
      { k: 'b', v: 2 },
    ];
    const moved = [
      { k: 'b', v: 1 },
      { k: 'a', v: 1 },
      { k: 'new', v: 0 },
    ];
    expect(told({ list: moved }, object({ list }), { list: old })).toEqual([
      'spec.list[0]: Invalid value: failed rule: self.v >= oldSelf.v',
    ]);
  });
});

describe('what was wrong before', () => {
  const schema = withRule({ rule: 'self < 10' }, { type: 'integer', maximum: 10 });

  test('is a warning when it has not changed', () => {
    const old = { spec: { a: 50 } };
    expect(validateRules({ spec: { a: 50 } }, schema, { old })).toMatchObject({
      errors: [],
      ratcheted: [{ field: 'spec.a' }],
    });
    expect(validateRules({ spec: { a: 51 } }, schema, { old }).errors).toHaveLength(1);
  });

  test('is no error of the schema either', () => {
    const old = { spec: { a: 50 } };
    expect(validate({ spec: { a: 50, b: 1 } }, schema, { old })).toEqual([]);
    expect(validate({ spec: { a: 51 } }, schema, { old })).toHaveLength(1);
    expect(validate({ spec: { a: 50 } }, schema)).toHaveLength(1);
  });
});

test('rules end when together they have cost too much', () => {
  const list: Schema = { type: 'array', items: { type: 'integer' } };
  const schema = withRule({ rule: 'self.all(x, self.all(y, x + y > 0))' }, list);
  const a = Array.from({ length: 100 }, () => 1);
  expect(validateRules({ spec: { a } }, schema, { budget: 1_000 }).errors).toMatchObject([
    { message: expect.stringContaining('running out of cost budget') },
  ]);
  const long = Array.from({ length: 1_000 }, () => 1);
  expect(validateRules({ spec: { a: long } }, schema).errors).toMatchObject([
    { message: expect.stringContaining('call cost exceeds limit') },
  ]);
});

describe('a definition is refused', () => {
  const path = 'spec.validation.openAPIV3Schema.properties[spec].properties[a]';

  test.each<[string, ValidationRule, string, string]>([
    ['an unknown field', { rule: 'self.x == 1' }, 'rule', 'does not support field selection'],
    ['no rule', { rule: ' ' }, 'rule', 'rule is not specified'],
    ['a rule that is no condition', { rule: 'self + 1' }, 'rule', 'must evaluate to a bool'],
    ['a reason', { rule: 'true', reason: 'Other' }, 'reason', 'Unsupported value: "Other"'],
    ['a path', { rule: 'true', fieldPath: '.x' }, 'fieldPath', 'must be a valid path'],
    [
      'a message that is no text',
      { rule: 'true', messageExpression: '1' },
      'messageExpression',
      'must evaluate to a string',
    ],
    [
      'a useless optionalOldSelf',
      { rule: 'true', optionalOldSelf: true },
      'optionalOldSelf',
      'may not be set',
    ],
  ])('for %s', (_, rule, field, words) => {
    const [error, ...rest] = validateStructural(withRule(rule));
    expect(rest).toEqual([]);
    expect(error?.field).toBe(`${path}.x-kubernetes-validations[0].${field}`);
    expect(error?.message).toContain(words);
  });

  test('for a rule that could cost too much, which limits can mend', () => {
    const rule = { rule: 'self.all(x, self.all(y, x == y))' };
    const list = (maxItems?: number): Schema => ({
      type: 'array',
      items: { type: 'integer' },
      ...(maxItems === undefined ? {} : { maxItems }),
    });
    const errors = validateStructural(withRule(rule, list()));
    expect(errors.map(({ field }) => field)).toEqual([
      `${path}.x-kubernetes-validations[0].rule`,
      `${path}.x-kubernetes-validations[0].rule`,
      'spec.validation.openAPIV3Schema',
    ]);
    expect(errors[0]?.message).toContain('exceeds budget by factor of more than 100x');
    expect(validateStructural(withRule(rule, list(100)))).toEqual([]);
  });

  test('for a rule that is cheap once, in a list without limit', () => {
    const inner: Schema = {
      type: 'string',
      'x-kubernetes-validations': [{ rule: "self.contains('x')" }],
    };
    const many = (limits: Partial<Schema>) =>
      validateStructural(object({ a: { type: 'array', items: { ...inner, ...limits } } }));
    expect(many({}).length).toBeGreaterThan(0);
    expect(many({ maxLength: 10 })).toEqual([]);
  });

  test('for a rule about a change that cannot be followed', () => {
    const items: Schema = {
      type: 'integer',
      'x-kubernetes-validations': [{ rule: 'self == oldSelf' }],
    };
    const schema = object({ a: { type: 'array', items } });
    expect(validateStructural(schema).map(({ message }) => message)).toEqual([
      expect.stringContaining('oldSelf cannot be used on the uncorrelatable portion'),
    ]);
  });
});
