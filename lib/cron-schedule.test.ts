import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CronError, parseCron } from './cron-schedule.ts';

function times(schedule: string, zone: string | undefined, from: string, count: number): string[] {
  const cron = parseCron(schedule, zone);
  const found: string[] = [];
  let atMs = Date.parse(from);
  while (found.length < count) {
    const next = cron.next(atMs);
    if (next === undefined) break;
    found.push(new Date(next).toISOString().slice(0, 16));
    atMs = next;
  }
  return found;
}

test('fields, names and macros', () => {
  const from = '2026-01-01T00:00:00Z';
  expect(times('*/20 * * * *', undefined, from, 2)).toEqual([
    '2026-01-01T00:20',
    '2026-01-01T00:40',
  ]);
  expect(times('30 9 * * MON-FRI', undefined, from, 2)).toEqual([
    '2026-01-01T09:30',
    '2026-01-02T09:30',
  ]);
  expect(times('@hourly', undefined, from, 1)).toEqual(['2026-01-01T01:00']);
  expect(times('0 0 13 * FRI', undefined, from, 1)).toEqual(['2026-01-02T00:00']);
  expect(times('0 0 29 2 *', undefined, from, 1)).toEqual(['2028-02-29T00:00']);
  expect(times('0 0 31 2 *', undefined, from, 1)).toEqual([]);
});

test('a time that the clock skips does not come', () => {
  // New York, 2026-03-08: 02:00 EST is followed by 03:00 EDT.
  expect(times('30 2 * * *', 'America/New_York', '2026-03-07T00:00:00Z', 3)).toEqual([
    '2026-03-07T07:30',
    '2026-03-09T06:30',
    '2026-03-10T06:30',
  ]);
  expect(times('30 * * * *', 'America/New_York', '2026-03-08T06:00:00Z', 2)).toEqual([
    '2026-03-08T06:30',
    '2026-03-08T07:30',
  ]);
});

test('a time that the clock shows twice comes twice', () => {
  // New York, 2026-11-01: 02:00 EDT is followed by 01:00 EST.
  expect(times('30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 3)).toEqual([
    '2026-11-01T05:30',
    '2026-11-01T06:30',
    '2026-11-02T06:30',
  ]);
  expect(times('5,30 1 * * *', 'America/New_York', '2026-11-01T05:00:00Z', 4)).toEqual([
    '2026-11-01T05:05',
    '2026-11-01T05:30',
    '2026-11-01T06:05',
    '2026-11-01T06:30',
  ]);
});

test.each([
  ['* * * *', /exactly 5 fields .* found 4/],
  ['0 * * * * *', /exactly 5 fields .* found 6/],
  ['0 0 L * *', /"L" is not understood/],
  ['0 0 * * 5#2', /"5#2" is not understood/],
  ['0 0 15W * *', /"15W" is not understood/],
  ['61 * * * *', /minute/],
  ['5-1 * * * *', /From value is larger/],
  ['@every 1h', /not known: use @yearly/],
  ['TZ=Europe/Vienna 0 0 * * *', /use timeZone field/],
])('%s is refused', (schedule, why) => {
  expect(() => parseCron(schedule)).toThrow(CronError);
  expect(() => parseCron(schedule)).toThrow(why);
});

test.each(['Mars/Olympus', 'Local', '', '+02:00'])('no time zone: %s', (zone) => {
  expect(() => parseCron('* * * * *', zone)).toThrow(/unknown time zone/);
});

test('every minute is every minute, in every zone', () => {
  const zones = ['UTC', 'Europe/Vienna', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kolkata'];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) }),
      (zone, afterMs) => {
        const next = parseCron('* * * * *', zone).next(afterMs);
        expect(next).toBe(Math.floor(afterMs / 60_000) * 60_000 + 60_000);
      },
    ),
    { numRuns: 200 },
  );
});
