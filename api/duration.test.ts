import { describe, expect, it } from 'vitest';
import { formatGoDuration, humanAge, humanDuration, parseGoDuration } from './duration.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('humanDuration', () => {
  it.each([
    [-2 * second, '<invalid>'],
    [-1999.999999, '0s'],
    [0, '0s'],
    [999, '0s'],
    [119.9 * second, '119s'],
    [2 * minute, '2m'],
    [5 * minute + 39 * second, '5m39s'],
    [10 * minute, '10m'],
    [3 * hour - 1, '179m'],
    [3 * hour + minute, '3h1m'],
    [8 * hour, '8h'],
    [2 * day - 1, '47h'],
    [2 * day, '2d'],
    [2 * day + 3 * hour, '2d3h'],
    [8 * day + 23 * hour, '8d'],
    [2 * 365 * day - 1, '729d'],
    [2 * 365 * day + day, '2y1d'],
    [8 * 365 * day - 1, '7y364d'],
    [9 * 365 * day, '9y'],
  ])('%d ms are %s', (ms, text) => {
    expect(humanDuration(ms)).toBe(text);
  });

  it('says <unknown> when there is no time', () => {
    expect(humanAge(undefined, 0)).toBe('<unknown>');
    expect(humanAge('2026-01-01T00:00:00Z', Date.UTC(2026, 0, 1, 0, 1))).toBe('60s');
    expect(humanAge('yesterday', 0)).toBe('<invalid>');
  });
});

describe('Go durations', () => {
  it.each([
    ['1h2m', hour + 2 * minute, '1h2m0s'],
    ['1.5s', 1500, '1.5s'],
    ['-300ms', -300, '-300ms'],
    ['90s', 90 * second, '1m30s'],
    ['0', 0, '0s'],
  ])('%s', (text, ms, canonical) => {
    expect(parseGoDuration(text)).toBe(ms);
    expect(formatGoDuration(ms)).toBe(canonical);
  });

  it.each(['', '5', 's', '1h 2m', '1x', '1.2.3s'])('%j is none', (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  });
});
