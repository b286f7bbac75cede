import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIpv4, parseCidr, parseIpv4 } from '../lib/ipv4.ts';
import { block, claimName, countOf, usableRanges } from './ip-pool.ts';
import type { IPPoolSpec } from './kinds.gen.ts';

function shown(spec: Partial<IPPoolSpec>): string {
  return usableRanges({ cidr: '10.20.0.0/24', ...spec })
    .map(({ first, last }) => `${formatIpv4(first)}-${formatIpv4(last)}`)
    .join(' ');
}

describe('the addresses of a pool', () => {
  it.each([
    ['all but the ends', {}, '10.20.0.1-10.20.0.254'],
    ['both of /31', { cidr: '10.0.0.2/31' }, '10.0.0.2-10.0.0.3'],
    ['one of /32', { cidr: '10.0.0.2/32' }, '10.0.0.2-10.0.0.2'],
    ['not the gateway', { gateway: '10.20.0.1' }, '10.20.0.2-10.20.0.254'],
    [
      'not what is excluded',
      { exclude: ['10.20.0.7', '10.20.0.128/25'] },
      '10.20.0.1-10.20.0.6 10.20.0.8-10.20.0.127',
    ],
    [
      'ranges in order, put together where they touch',
      {
        ranges: [
          { first: '10.20.0.100', last: '10.20.0.109' },
          { first: '10.20.0.0', last: '10.20.0.5' },
          { first: '10.20.0.105', last: '10.20.0.120' },
          { first: '10.20.0.121', last: '10.20.0.121' },
        ],
      },
      '10.20.0.1-10.20.0.5 10.20.0.100-10.20.0.121',
    ],
    ['none', { ranges: [] }, ''],
  ] as const)('%s', (_, spec, expected) => {
    expect(shown(spec as Partial<IPPoolSpec>)).toBe(expected);
  });

  it('are exactly those that its words name', () => {
    const address = fc.integer({ min: 0, max: 255 }).map((byte) => `10.20.0.${byte}`);
    const range = fc.tuple(address, address).map(([first, last]) => ({ first, last }));
    const hole = fc.oneof(address, fc.constantFrom('10.20.0.64/26', '10.20.0.0/28'));
    const spec = fc.record({
      ranges: fc.option(fc.array(range, { maxLength: 5 }), { nil: undefined }),
      exclude: fc.array(hole, { maxLength: 5 }),
    });
    const inside = (value: number, text: string) => {
      const { first, last } = block(text) ?? { first: 1, last: 0 };
      return value >= first && value <= last;
    };
    fc.assert(
      fc.property(spec, ({ ranges, exclude }) => {
        const cidr = '10.20.0.0/24';
        const usable = usableRanges({ cidr, exclude, ...(ranges === undefined ? {} : { ranges }) });
        const { first, last } = parseCidr(cidr) ?? { first: 0, last: 0 };
        let count = 0;
        for (let value = first; value <= last; value += 1) {
          const expected =
            value !== first &&
            value !== last &&
            !exclude.some((text) => inside(value, text)) &&
            (ranges === undefined ||
              ranges.some(
                (r) => value >= (parseIpv4(r.first) ?? 0) && value <= (parseIpv4(r.last) ?? 0),
              ));
          expect(usable.some((r) => value >= r.first && value <= r.last)).toBe(expected);
          if (expected) count += 1;
        }
        expect(countOf(usable)).toBe(count);
      }),
    );
  });
});

it('claims are named by pool and address', () => {
  expect(claimName('lan', parseIpv4('10.20.0.7') ?? 0)).toBe('lan.10-20-0-7');
});
