/**
 * Times of a cron schedule: five fields, or a macro, read in a time zone. Pure. A wall-clock time that a
 * change of the clock skips does not come; one that it repeats comes twice. Source: robfig/cron v3, which
 * Kubernetes uses; croner finds the wall-clock times only, since its own rules for such days are others.
 */
import { Cron } from 'croner';

export interface CronSchedule {
  /** The first time after `afterMs`; `undefined` when there is none any more. */
  next(afterMs: number): number | undefined;
}

/** Says in one sentence what is wrong with a schedule or a time zone. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

const macros: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** Numbers, names of months and days, and what upstream knows between them. */
const fieldShape =
  /^(?:[\d*,/?-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)+$/i;

const hourMs = 3_600_000;

/** No clock is set back by more. */
const shiftMaxMs = 3 * hourMs;

/** Wall-clock times that are looked at before giving up: a schedule may name only times that are skipped. */
const triesMax = 1_000;

export function parseCron(schedule: string, timeZone = 'UTC'): CronSchedule {
  const wall = wallClock(schedule.trim());
  const offsetAt = offsets(timeZone);
  return { next: (afterMs) => nextAfter(wall, offsetAt, afterMs) };
}

/** Wall-clock times as if they were UTC. */
function wallClock(schedule: string): Cron {
  const pattern = macros[schedule.toLowerCase()] ?? schedule;
  if (/(^|\s)(CRON_)?TZ=/.test(pattern)) {
    throw new CronError('cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  }
  if (pattern.startsWith('@')) {
    throw new CronError(`"${schedule}" is not known: use ${Object.keys(macros).join(', ')}`);
  }
  const fields = pattern.split(/\s+/);
  if (fields.length !== 5) {
    const names = 'minute, hour, day of month, month, day of week';
    throw new CronError(
      `expected exactly 5 fields (${names}), found ${fields.length}: "${schedule}"`,
    );
  }
  const strange = fields.find((field) => !fieldShape.test(field));
  if (strange !== undefined) {
    const known = 'numbers, names of months and days, and * , - /';
    throw new CronError(`"${strange}" is not understood: a field is made of ${known}`);
  }
  try {
    const plain = fields.join(' ').replaceAll('?', '*');
    return new Cron(plain, { mode: '5-part', timezone: 'UTC', paused: true });
  } catch (error) {
    const why =
      error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    throw new CronError(`"${schedule}": ${why}`, { cause: error });
  }
}

type OffsetAt = (timeMs: number) => number;

/** How far the zone's wall clock is ahead of UTC. */
function offsets(timeZone: string): OffsetAt {
  // Names of files and of the machine's own zone are no time zones.
  if (timeZone === '' || timeZone.toLowerCase() === 'local' || /^[+-]/.test(timeZone)) {
    throw new CronError(`unknown time zone ${timeZone}`);
  }
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    return (timeMs) => {
      const parts = format.formatToParts(timeMs);
      const part = (type: string) => Number(parts.find((each) => each.type === type)?.value);
      const day = [part('year'), part('month') - 1, part('day')] as const;
      const wallMs = Date.UTC(...day, part('hour'), part('minute'), part('second'));
      return wallMs - Math.floor(timeMs / 1000) * 1000;
    };
  } catch (error) {
    throw new CronError(`unknown time zone ${timeZone}`, { cause: error });
  }
}

function nextAfter(wall: Cron, offsetAt: OffsetAt, afterMs: number): number | undefined {
  const offset = offsetAt(afterMs);
  // A clock that is set back soon shows times again that it has shown before.
  const shift = Math.max(offset - offsetAt(afterMs + shiftMaxMs), 0);
  let wallMs = afterMs + offset - shift;
  let best: number | undefined;
  let lastMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < triesMax; tries += 1) {
    const next = wall.nextRun(new Date(wallMs))?.getTime();
    if (next === undefined || next > lastMs) return best;
    for (const timeMs of instants(next, offsetAt)) {
      if (timeMs > afterMs && timeMs < (best ?? Number.POSITIVE_INFINITY)) best = timeMs;
    }
    // A later wall-clock time may still be an earlier moment, by as much as the clock is set back.
    if (best !== undefined && lastMs === Number.POSITIVE_INFINITY) lastMs = next + shift;
    if (best !== undefined && shift === 0) return best;
    wallMs = next;
  }
  return best;
}

/** The moments at which the zone's clock shows this: none, one or two. */
function instants(wallMs: number, offsetAt: OffsetAt): readonly number[] {
  const candidates = new Set([offsetAt(wallMs - 24 * hourMs), offsetAt(wallMs + 24 * hourMs)]);
  return [...candidates]
    .map((offset) => wallMs - offset)
    .filter((timeMs) => timeMs + offsetAt(timeMs) === wallMs);
}
