import { describe, expect, it } from 'vitest';
import { invalidValue } from '../schema/field-error.ts';
import { validate } from '../schema/index.ts';
import { cannotHandle, undecodable } from './decode-errors.ts';

const schema = {
  type: 'object',
  properties: {
    text: { type: 'string' },
    size: { type: 'integer', format: 'int32', maximum: 9 },
    key: { type: 'string', format: 'byte' },
    when: { type: 'string', format: 'date-time' },
    renewed: { type: 'string', format: 'micro-time' },
    memory: { type: 'string', format: 'quantity' },
    list: { type: 'array', items: { type: 'string', enum: ['a'] } },
  },
} as const;

describe('undecodable', () => {
  it.each([
    [{ text: 1 }, 'text: must be of type string, not integer'],
    [{ list: { a: 1 } }, 'list: must be of type array, not object'],
    [{ list: ['a', 1] }, 'list[1]: must be of type string, not integer'],
    [{ size: 2 ** 40 }, 'size: must be of type integer with format int32'],
    [{ size: 1.5 }, 'size: must be of type int32, not double'],
    [{ key: 's3cret!' }, 'key: must be text in base64'],
    [{ when: 'now' }, 'when: must be a time as RFC 3339 has it, such as 2006-01-02T15:04:05Z'],
    [{ memory: 'lots' }, /^memory: "lots" must be a quantity/],
  ])('%j', (value, words) => {
    expect(undecodable(validate(value, schema))).toMatch(words);
  });

  it('a micro-time needs its six digits', () => {
    const told = (renewed: string) => undecodable(validate({ renewed }, schema));
    expect(told('2020-01-01T00:00:00.000001Z')).toBeUndefined();
    expect(told('2020-01-01T00:00:00Z')).toMatch(/^renewed: must be a time with microseconds/);
    expect(told('2020-01-01T00:00:00.001Z')).toBeDefined();
  });

  it('what can be read but must not be is none', () => {
    expect(undecodable(validate({ size: 10, list: ['b'] }, schema))).toBeUndefined();
    expect(undecodable([invalidValue('text', 'x', 'is no good')])).toBeUndefined();
  });

  it('answers 400 in upstream form', () => {
    const error = cannotHandle({ kind: 'Secret', version: 'v1' })('data.k: must be text in base64');
    expect(error.toStatus()).toMatchObject({
      code: 400,
      reason: 'BadRequest',
      message:
        'Secret in version "v1" cannot be handled as a Secret: data.k: must be text in base64',
    });
    expect(error.toStatus().details).toBeUndefined();
  });
});
