/** For which time a Cron must make a Job now. Pure. Source: kubernetes pkg/controller/cronjob/utils.go. */
import type { CronSchedule } from '../../lib/cron-schedule.ts';

export interface Due {
  /** The last time that has passed and has had no Job. */
  readonly timeMs: number | undefined;
  /** The next one; `undefined` when the schedule names none. */
  readonly nextMs: number | undefined;
  /** More were missed than anybody wants to hear of. */
  readonly tooManyMissed: boolean;
}

const missedMax = 100;

/** `sinceMs` has had its Job, or is when the Cron was made. */
export function dueAt(
  schedule: CronSchedule,
  sinceMs: number,
  nowMs: number,
  startingDeadlineMs: number | undefined,
): Due {
  const deadlineMs = startingDeadlineMs ?? Number.POSITIVE_INFINITY;
  const earliestMs = Math.max(sinceMs, nowMs - deadlineMs);
  const timeMs = lastBefore(schedule, earliestMs, nowMs);
  let missed = 0;
  let atMs = timeMs === undefined ? undefined : schedule.next(earliestMs);
  while (atMs !== undefined && atMs <= nowMs && missed <= missedMax) {
    missed += 1;
    atMs = schedule.next(atMs);
  }
  return { timeMs, nextMs: schedule.next(nowMs), tooManyMissed: missed > missedMax };
}

/** Looks back further and further, so that a long absence costs little. */
function lastBefore(schedule: CronSchedule, earliestMs: number, nowMs: number): number | undefined {
  for (let windowMs = 60_000; ; windowMs *= 2) {
    const fromMs = Math.max(earliestMs, nowMs - windowMs);
    let found = schedule.next(fromMs);
    if (found !== undefined && found <= nowMs) {
      for (;;) {
        const next = schedule.next(found);
        if (next === undefined || next > nowMs) return found;
        found = next;
      }
    }
    if (fromMs === earliestMs) return undefined;
  }
}
