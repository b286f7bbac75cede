import { describe, expect, it } from 'vitest';
import { escapeFieldValue, parseFieldSelector } from './field-selector.ts';

const object: Record<string, string> = { 'metadata.name': 'a', 'spec.text': 'x=1,y\\' };
const matches = (text: string) => parseFieldSelector(text).matches((field) => object[field] ?? '');

describe('parseFieldSelector', () => {
  it.each([
    ['', true],
    ['metadata.name=a', true],
    ['metadata.name==a', true],
    ['metadata.name!=a', false],
    ['metadata.name=a,metadata.name!=b', true],
    ['metadata.name=a,', true],
    ['status.phase=', true],
    ['spec.text=x\\=1\\,y\\\\', true],
  ])('%j → %s', (text, expected) => {
    expect(matches(text)).toBe(expected);
  });

  it('gives the requirements and writes them back, sorted', () => {
    const selector = parseFieldSelector('b!=2,a==1');
    expect(selector.requirements).toEqual([
      { field: 'a', operator: '=', value: '1' },
      { field: 'b', operator: '!=', value: '2' },
    ]);
    expect(selector.toString()).toBe('a=1,b!=2');
  });

  it.each([
    ['nonsense', "invalid selector: 'nonsense'; can't understand 'nonsense'"],
    ['a=1,b>2', "invalid selector: 'a=1,b>2'; can't understand 'b>2'"],
    ['a=\\x', 'invalid field selector: invalid escape sequence: \\x'],
    ['a=1=2', 'invalid field selector: unescaped character in value: 61'],
  ])('refuses %j', (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(message);
  });

  it('escapes what it reads back', () => {
    const value = 'a,b=c\\d';
    expect(parseFieldSelector(`f=${escapeFieldValue(value)}`).requirements[0]?.value).toBe(value);
  });
});
