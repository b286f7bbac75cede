import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpv4, macOfIpv4, parseCidr, parseIpv4 } from './ipv4.ts';

const anyAddress = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('addresses', () => {
  it('are read as they are told', () => {
    fc.assert(fc.property(anyAddress, (n) => parseIpv4(formatIpv4(n)) === n));
    expect(parseIpv4('10.20.0.7')).toBe(0x0a140007);
    expect(parseIpv4('255.255.255.255')).toBe(2 ** 32 - 1);
  });

  it.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.07',
    '10.0.0.1.2',
    ' 10.0.0.1',
    'fd00::1',
    'a.b.c.d',
  ])('"%s" is none', (text) => {
    expect(parseIpv4(text)).toBeUndefined();
  });

  it('have a MAC of their own', () => {
    expect(macOfIpv4(0x0a1400ff)).toBe('02:be:0a:14:00:ff');
    const two = fc.uniqueArray(anyAddress, { minLength: 2, maxLength: 2 });
    fc.assert(fc.property(two, ([a = 0, b = 0]) => macOfIpv4(a) !== macOfIpv4(b)));
  });
});

describe('segments', () => {
  it.each([
    ['10.20.0.0/24', '10.20.0.0', '10.20.0.255'],
    ['10.20.0.7/24', '10.20.0.0', '10.20.0.255'],
    ['10.20.0.7/32', '10.20.0.7', '10.20.0.7'],
    ['0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
    ['192.168.255.0/17', '192.168.128.0', '192.168.255.255'],
  ])('%s', (text, first, last) => {
    const cidr = parseCidr(text);
    expect([formatIpv4(cidr?.first ?? 0), formatIpv4(cidr?.last ?? 0)]).toEqual([first, last]);
  });

  it.each(['10.20.0.0', '10.20.0.0/33', '10.20.0.0/', '10.20.0.0/08', '/24', 'fd00::/64'])(
    '"%s" is none',
    (text) => {
      expect(parseCidr(text)).toBeUndefined();
    },
  );
});
