import { describe, expect, it } from 'vitest';
import {
  everything,
  fromLabelSelectorObject,
  nothing,
  parseLabelSelector,
} from './label-selector.ts';

describe('parseLabelSelector', () => {
  it.each([
    ['', ''],
    ['\rx', 'x'],
    ['a ', 'a'],
    ['x=a', 'x=a'],
    ['x==a', 'x==a'],
    ['x=', 'x='],
    ['x=a,y!=b', 'x=a,y!=b'],
    ['x>1,y<7', 'x>1,y<7'],
    ['z,!a', '!a,z'],
    ['foo  in\t (abc)', 'foo in (abc)'],
    ['x in (abc,)', 'x in (,abc)'],
    ['x in ()', 'x in ()'],
    ['x notin (abc,,def),bar,z in (),w', 'bar,w,x notin (,abc,def),z in ()'],
    ['a in (x,y,notin, z,in)', 'a in (in,notin,x,y,z)'],
    [
      '0.1.2.domain/99 notin (10.10.100.1, tick.tack.clock)',
      '0.1.2.domain/99 notin (10.10.100.1,tick.tack.clock)',
    ],
  ])('reads %j as %j', (text, canonical) => {
    expect(parseLabelSelector(text).toString()).toBe(canonical);
  });

  it.each([
    ['x,,y', "found ',', expected: identifier after ','"],
    [',x', "found ',', expected: !, identifier, or 'end of string'"],
    ['a in (xyz),', "found '', expected: identifier after ','"],
    ['n===3', "unable to parse requirement: found '=', expected: identifier"],
    ['n in 1', "unable to parse requirement: found '1' expected: '('"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a in (x y)', "unable to parse requirement: found 'y', expected: ',' or ')'"],
    ['a notin(', "unable to parse requirement: found '', expected: ',', ')' or identifier"],
    [
      'a>x',
      `unable to parse requirement: values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer`,
    ],
    ['-a', /^unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of/],
    [
      'a=-',
      /^unable to parse requirement: values\[0\]\[a\]: Invalid value: "-": a valid label must be/,
    ],
  ])('refuses %j', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(message);
    expect(() => parseLabelSelector(text)).toThrow(
      expect.objectContaining({ code: 400, reason: 'BadRequest' }),
    );
  });
});

describe('matches', () => {
  const labels = { app: 'web', size: '5', empty: '' };
  it.each([
    ['', true],
    ['app', true],
    ['!app', false],
    ['app=web', true],
    ['app!=web', false],
    ['missing!=web', true],
    ['missing notin (a)', true],
    ['app in (db,web)', true],
    ['empty=', true],
    ['size>4,size<6', true],
    ['size>5', false],
    ['app>1', false],
    ['app=web,size=6', false],
    ['toString', false],
  ])('%j → %s', (text, expected) => {
    expect(parseLabelSelector(text).matches(labels)).toBe(expected);
  });

  it('takes absent labels for none', () => {
    expect(parseLabelSelector('!a').matches(undefined)).toBe(true);
  });
});

describe('fromLabelSelectorObject', () => {
  it('joins labels and expressions', () => {
    const selector = fromLabelSelectorObject({
      matchLabels: { app: 'web' },
      matchExpressions: [
        { key: 'tier', operator: 'In', values: ['b', 'a'] },
        { key: 'old', operator: 'DoesNotExist' },
      ],
    });
    expect(selector.toString()).toBe('app=web,!old,tier in (a,b)');
    expect(selector.matches({ app: 'web', tier: 'a' })).toBe(true);
    expect(selector.matches({ app: 'web', tier: 'a', old: '' })).toBe(false);
  });

  it('matches all when empty and nothing when absent', () => {
    expect(fromLabelSelectorObject({}).matches({ a: 'b' })).toBe(true);
    expect(fromLabelSelectorObject(undefined).matches({})).toBe(false);
    expect(everything.matches({})).toBe(true);
    expect(nothing.matches({})).toBe(false);
  });

  it('refuses what makes no sense', () => {
    const one = (operator: string, values?: string[]) => () =>
      fromLabelSelectorObject({
        matchExpressions: [{ key: 'a', operator, ...(values && { values }) }],
      });
    expect(one('Near')).toThrow('"Near" is not a valid label selector operator');
    expect(one('In')).toThrow("for 'in', 'notin' operators, values set can't be empty");
    expect(one('Exists', ['x'])).toThrow('values set must be empty for exists and does not exist');
  });
});
