/** Timestamps and durations: reading, writing, and their parts in a time zone. */
import { declare, type Overload } from '../functions.ts';
import { CelError, Duration, Timestamp } from '../values.ts';

const second = 1_000_000_000n;
const units: Readonly<Record<string, bigint>> = {
  h: 3_600n * second,
  m: 60n * second,
  s: second,
  ms: 1_000_000n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ns: 1n,
};

/** Go's durations: `1h30m`, `-1.5s`. */
export function parseDuration(text: string): Duration {
  const match = /^([+-]?)((?:(?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|m|s|us|µs|μs|ns))+|0)$/.exec(text);
  if (match === null) throw new CelError(`time: invalid duration ${JSON.stringify(text)}`);
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of (match[2] ?? '').matchAll(
    /(\d*)(?:\.(\d*))?(h|ms|m|s|us|µs|μs|ns)/g,
  )) {
    const factor = units[unit] ?? 0n;
    nanos += BigInt(whole === '' ? '0' : whole) * factor;
    if (fraction !== '') nanos += (BigInt(fraction) * factor) / 10n ** BigInt(fraction.length);
  }
  return new Duration(match[1] === '-' ? -nanos : nanos);
}

export function formatDuration({ nanos }: Duration): string {
  return `${decimal(nanos)}s`;
}

function decimal(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % second)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${size / second}${fraction === '' ? '' : `.${fraction}`}`;
}

export function parseTimestamp(text: string): Timestamp {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/.exec(
    text,
  );
  const [, date = '', time = '', fraction = '', zone = ''] = match ?? [];
  const ms = match === null ? Number.NaN : Date.parse(`${date}T${time}Z`);
  // Date would take 31 February for a day in March.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== date)
    throw new CelError(`parsing time ${JSON.stringify(text)} as RFC3339: cannot parse`);
  const nanos = BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  const offset = offsetMs(zone);
  return new Timestamp(BigInt(ms - offset) * 1_000_000n + nanos, offset / 60_000);
}

export function formatTimestamp({ nanos, zoneMinutes }: Timestamp): string {
  const [ms, rest] = floorDivide(nanos + BigInt(zoneMinutes) * 60n * second, second);
  const fraction = String(rest).padStart(9, '0').replace(/0+$/, '');
  const text = new Date(Number(ms) * 1_000).toISOString().slice(0, 19);
  return `${text}${fraction === '' ? '' : `.${fraction}`}${zoneText(zoneMinutes)}`;
}

function zoneText(minutes: number): string {
  if (minutes === 0) return 'Z';
  const two = (part: number) => String(Math.trunc(part)).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`;
}

function floorDivide(value: bigint, by: bigint): readonly [bigint, bigint] {
  const rest = ((value % by) + by) % by;
  return [(value - rest) / by, rest];
}

function offsetMs(zone: string): number {
  const match = /^([+-]?)(\d{1,2}):(\d{2})$/.exec(zone);
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return minutes * 60_000 * (match[1] === '-' ? -1 : 1);
}

/** The moment as a date whose UTC parts are those of the zone. */
function local({ nanos }: Timestamp, zone: string): Date {
  const [ms] = floorDivide(nanos, 1_000_000n);
  const at = Number(ms);
  if (zone === '' || zone === 'UTC') return new Date(at);
  if (/^[+-]?\d{1,2}:\d{2}$/.test(zone)) return new Date(at + offsetMs(zone));
  return new Date(at + zoneOffsetMs(at, zone));
}

function zoneOffsetMs(at: number, zone: string): number {
  let parts: Intl.DateTimeFormatPart[];
  try {
    parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      timeZoneName: 'longOffset',
    }).formatToParts(at);
  } catch {
    throw new CelError(`unknown time zone ${zone}`);
  }
  const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
  return offsetMs(name.replace('GMT', ''));
}

const dayMs = 86_400_000;
const parts: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDayOfYear: (date) =>
    Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / dayMs),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDate: (date) => date.getUTCDate(),
  getDayOfWeek: (date) => date.getUTCDay(),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
};

const durationParts: Readonly<Record<string, bigint>> = {
  getHours: 3_600n * second,
  getMinutes: 60n * second,
  getSeconds: second,
};

export const timeLibrary: readonly Overload[] = [
  ...Object.entries(parts).flatMap(([name, part]) => [
    declare(`<timestamp>.${name}(): int`, (time: Timestamp) => BigInt(part(local(time, '')))),
    declare(`<timestamp>.${name}(string): int`, (time: Timestamp, zone: string) =>
      BigInt(part(local(time, zone))),
    ),
  ]),
  ...Object.entries(durationParts).map(([name, unit]) =>
    declare(`<duration>.${name}(): int`, ({ nanos }: Duration) => nanos / unit),
  ),
  declare('<duration>.getMilliseconds(): int', ({ nanos }: Duration) => nanos / 1_000_000n),
];
