import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatQuantity, isQuantity, parseBytes, parseMilli, parseQuantity } from './quantity.ts';

describe('parseQuantity', () => {
  it.each([
    ['0', '0'],
    ['00', '0'],
    ['.', '0'],
    ['1.', '1'],
    ['.5', '500m'],
    ['+100', '100'],
    ['-1.5', '-1500m'],
    ['1000m', '1'],
    ['1000M', '1G'],
    ['0.001T', '1G'],
    ['1500', '1500'],
    ['2000', '2k'],
    ['1080000000n', '1080m'],
    ['5.444T', '5444G'],
    ['1E', '1E'],
    ['12E', '12E'],
    ['1000E', '1000E'],
    ['1e3', '1e3'],
    ['.001e12', '1e9'],
    ['100e-3', '100e-3'],
    ['1E3', '1e3'],
    ['1e0', '1'],
    ['1024Mi', '1Gi'],
    ['1025024Mi', '1001Gi'],
    ['6Ki', '6Ki'],
    ['0.5Ki', '512'],
    ['.001Ki', '1024m'],
    ['0.5Mi', '512Ki'],
    ['100.035Ki', '102435840m'],
    ['1000Ki', '1000Ki'],
    ['9Ei', '9223372036854775807'],
    ['0.0000000001', '1n'],
    ['-0.0000000001', '-1n'],
    ['.000000000001Ki', '2n'],
  ])('writes %s as %s', (text, canonical) => {
    expect(parseQuantity(text).toString()).toBe(canonical);
  });

  it.each([
    '',
    '1.1.M',
    '1+1.0M',
    '0.1mi',
    '0.1am',
    'aoeu',
    '.5i',
    '1i',
    '-3.01i',
    '1 ',
    'Mi',
    '1Kii',
  ])('refuses %j', (text) => {
    expect(isQuantity(text)).toBe(text === 'Mi');
  });

  it('says what is wrong as upstream does', () => {
    expect(() => parseQuantity('1 Gi')).toThrow(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
    expect(() => parseQuantity('1kk')).toThrow("unable to parse quantity's suffix");
    expect(() => parseQuantity('1e999999999')).toThrow('unable to parse numeric part of quantity');
  });

  it('reads JSON numbers', () => {
    expect(parseQuantity(1.5).milli()).toBe(1500n);
    expect(parseQuantity(1e21).value()).toBe(10n ** 21n);
    expect(parseQuantity(2n ** 60n).value()).toBe(2n ** 60n);
  });
});

describe('amounts', () => {
  it('round away from zero', () => {
    expect(parseMilli('1.0001')).toBe(1001n);
    expect(parseMilli('-1.0001')).toBe(-1001n);
    expect(parseBytes('1500m')).toBe(2n);
    expect(parseBytes('256Mi')).toBe(268435456n);
  });

  it('format canonically', () => {
    expect(formatQuantity({ milli: 1500n })).toBe('1500m');
    expect(formatQuantity({ value: 2048n }, 'BinarySI')).toBe('2Ki');
    expect(formatQuantity({ milli: 1024n }, 'BinarySI')).toBe('1024m');
  });
});

describe('arithmetic', () => {
  it('keeps the format of the first, unless that is zero', () => {
    expect(parseQuantity('1Gi').add(parseQuantity('1Gi')).toString()).toBe('2Gi');
    expect(parseQuantity('0').add(parseQuantity('1Gi')).toString()).toBe('1Gi');
    expect(parseQuantity('1').sub(parseQuantity('1500m')).toString()).toBe('-500m');
  });

  it('survives being written and read again', () => {
    const suffixes = ['n', 'u', 'm', '', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'e-3'];
    const text = fc
      .tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.nat(999), fc.constantFrom(...suffixes))
      .map(([whole, part, suffix]) => `${whole}.${part}${suffix}`);
    fc.assert(
      fc.property(text, (written) => {
        const quantity = parseQuantity(written);
        const again = parseQuantity(quantity.toString());
        expect(again.cmp(quantity)).toBe(0);
        expect(again.toString()).toBe(quantity.toString());
      }),
    );
  });

  it('adds and subtracts exactly', () => {
    const milli = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n });
    fc.assert(
      fc.property(milli, milli, (a, b) => {
        const left = parseQuantity(`${a}m`);
        const right = parseQuantity(`${b}m`);
        expect(left.add(right).milli()).toBe(a + b);
        expect(left.sub(right).milli()).toBe(a - b);
        expect(left.cmp(right)).toBe(a < b ? -1 : Number(a > b));
      }),
    );
  });
});
