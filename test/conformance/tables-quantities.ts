/** Tables of quantities and durations. */
import { humanDuration } from '../../api/duration.ts';
import { formatQuantity, parseQuantity, Quantity } from '../../api/quantity.ts';
import type { Json } from './json-path.ts';
import { byTest, failed, is, leftOut, passed, type Tables, type Verdict } from './verdict.ts';

export const quantityTables: Tables = {
  apimachinery__pkg__api__resource__quantity: byTest({
    TestQuantityCmp: order('x', 'y', 'expect'),
    TestQuantityCmpInt64AndDec: order('a', 'b', 'cmp'),
    TestQuantityString: ({ in: text, expect }) => written(text, expect),
    TestQuantityParse: ({ input, expect }) => written(input, expect),
    TestQuantityParseEmit: ({ in: text, expect }) => written(text, expect),
    TestAdd: ({ a, b, expected }) =>
      is(String(parseQuantity(a).add(parseQuantity(b))), expected, `${a} + ${b}`),
    TestSub: ({ a, b, expected }) =>
      is(String(parseQuantity(a).sub(parseQuantity(b))), expected, `${a} - ${b}`),
    TestQuantityNeg: ({ a, out }) => {
      const { nano, format } = parseQuantity(a);
      return is(String(new Quantity(-nano, format)), out, `-${a}`);
    },
    TestNewSet: ({ value, format, expect }) =>
      is(formatQuantity({ value: BigInt(value) }, format), expect, String(value)),
    TestMilliNewSet: ({ value, format, expect }) =>
      is(formatQuantity({ milli: BigInt(value) }, format), expect, String(value)),
    TestNewScaledSet: ({ value, scale, expect }) =>
      is(String(new Quantity(BigInt(value) * 10n ** BigInt(9 + scale))), expect, `${value}`),
    TestQuantityAsApproximateFloat64: approximate,
    TestQuantityAsFloat64Slow: approximate,
    TestStringQuantityAsApproximateFloat64: approximate,
    TestStringQuantityAsFloat64Slow: approximate,
  }),
  apimachinery__pkg__util__duration__duration: byTest({
    TestHumanDuration: duration,
    TestHumanDurationBoundaries: duration,
  }),
};

function written(text: Json, expect: Json): Verdict {
  return is(String(parseQuantity(text)), expect, String(text));
}

function order(left: string, right: string, expect: string): (row: Json) => Verdict {
  return (row) => {
    const [x, y] = [row[left], row[right]];
    if (typeof x !== 'string' || typeof y !== 'string')
      return leftOut('built from structures, not from text');
    if ([x, y].some((text) => /\d{19}/.test(text)))
      return leftOut('the amount overflowed when the row was written down');
    return is(parseQuantity(x).cmp(parseQuantity(y)), row[expect], `${x} ${y}`);
  };
}

/** As near as two ways to divide by powers of ten may differ. */
function approximate({ in: text, out }: Json): Verdict {
  if (!Number.isFinite(Number(out)))
    return leftOut('the exponent was lost when the row was written');
  const got = parseQuantity(text).toNumber();
  const near = Math.abs(got - Number(out)) <= Math.abs(Number(out)) * 1e-14;
  return near ? passed : failed(String(text), `${got}, not ${out}`);
}

function duration({ d, want }: Json): Verdict {
  return is(humanDuration(Number(d) / 1e6), want, String(d));
}
