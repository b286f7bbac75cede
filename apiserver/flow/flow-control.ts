/**
 * Keeps one client from starving the rest: seats of priority levels, shared fairly by users, and a limit of
 * streams per user. Counted under upstream's names.
 */
import { StatusError } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';
import { durationBuckets, type Labels, type Metrics } from '../../lib/metrics.ts';
import type { UserInfo } from '../request/request.ts';
import { FairQueue, type Leave, Refused } from './fair-queue.ts';
import type { PriorityLevel } from './priority.ts';

export interface FlowLimits {
  /** Together with the next one: what is being answered at once, as upstream counts it. Default 400. */
  readonly maxRequestsInflight?: number;
  /** Default 200. */
  readonly maxMutatingRequestsInflight?: number;
  /** A request that takes longer is ended with 504. Default one minute. */
  readonly requestTimeoutMs?: number;
  /** Watches and other streams of one user. */
  readonly maxStreamsPerUser?: number;
}

const defaults: Required<FlowLimits> = {
  maxRequestsInflight: 400,
  maxMutatingRequestsInflight: 200,
  requestTimeoutMs: 60_000,
  maxStreamsPerUser: 2_000,
};

/** What the plane lives of has this part of all seats to itself, everybody else the rest. */
const systemShare = 1 / 3;
/** No user holds more than this part of its level. */
const userShare = 1 / 2;
/** No request takes more than this part of its level. */
const requestShare = 1 / 4;
const maxQueuedPerUser = 500;
const maxQueued = 5_000;
/** The part of the deadline that may be spent waiting. Source: upstream, `defaultRequestWaitLimit`. */
const waitShare = 1 / 4;
const retryAfterSeconds = 1;

export interface FlowControl {
  readonly requestTimeoutMs: number;
  /** Resolves when the request may begin; throws 429 when it shall come again later. */
  enter(level: PriorityLevel, user: UserInfo, seats: number, signal: AbortSignal): Promise<Leave>;
  /** A stream is counted until it ends; throws 429 when the user has too many. */
  stream(user: UserInfo): Leave;
}

interface Level {
  readonly queue: FairQueue;
  readonly maxSeats: number;
}

export function createFlowControl(
  { clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics },
  limits: FlowLimits = {},
): FlowControl {
  const all = { ...defaults, ...limits };
  const total = all.maxRequestsInflight + all.maxMutatingRequestsInflight;
  const system = Math.max(1, Math.floor(total * systemShare));
  const waitMs = all.requestTimeoutMs * waitShare;
  const levels = {
    system: levelOf(system, waitMs, clock),
    workload: levelOf(Math.max(1, total - system), waitMs, clock),
  };
  const counters = flowMetrics(metrics, levels, { system, workload: Math.max(1, total - system) });
  const streams = new Map<string, number>();
  return {
    requestTimeoutMs: all.requestTimeoutMs,
    async enter(level, { name }, seats, signal) {
      if (level === 'exempt') return counters.dispatched(level, 0);
      const { queue, maxSeats } = levels[level];
      const sinceMs = clock.now();
      try {
        const entered = queue.enter(name, Math.min(seats, maxSeats), signal);
        const leave = typeof entered === 'function' ? entered : await entered;
        const ended = counters.dispatched(level, clock.now() - sinceMs);
        return () => {
          ended();
          leave();
        };
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        counters.rejected(level, error.reason);
        throw tooManyRequests();
      }
    },
    stream({ name }) {
      const open = streams.get(name) ?? 0;
      if (open >= all.maxStreamsPerUser) throw tooManyStreams(name, all.maxStreamsPerUser);
      streams.set(name, open + 1);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        const others = (streams.get(name) ?? 1) - 1;
        if (others === 0) streams.delete(name);
        else streams.set(name, others);
      };
    },
  };
}

function levelOf(seats: number, waitMs: number, clock: Clock): Level {
  const seatsPerUser = Math.max(1, Math.floor(seats * userShare));
  const queue = new FairQueue(
    { seats, seatsPerUser, queuedPerUser: maxQueuedPerUser, queued: maxQueued, waitMs },
    clock,
  );
  return { queue, maxSeats: Math.max(1, Math.floor(seats * requestShare)) };
}

function tooManyRequests(): StatusError {
  const message = 'Too many requests, please try again later.';
  return new StatusError(429, 'TooManyRequests', message, { retryAfterSeconds });
}

function tooManyStreams(name: string, limit: number): StatusError {
  return new StatusError(
    429,
    'TooManyRequests',
    `Too many requests: user "${name}" has ${limit} watches and other streams open, which is the limit; ` +
      'end some, or share one watch among its readers',
    { retryAfterSeconds },
  );
}

function labelsOf(level: PriorityLevel): Labels {
  return { priority_level: level, flow_schema: level };
}

function flowMetrics(
  metrics: Metrics,
  levels: Readonly<Record<'system' | 'workload', Level>>,
  seats: Readonly<Record<'system' | 'workload', number>>,
) {
  const labels = ['priority_level', 'flow_schema'];
  const name = (rest: string) => `apiserver_flowcontrol_${rest}`;
  const executing = metrics.gauge({
    name: name('current_executing_requests'),
    help: 'Requests that are being answered now, by priority level; without streams.',
    labels,
  });
  const dispatched = metrics.counter({
    name: name('dispatched_requests_total'),
    help: 'Requests that were let in.',
    labels,
  });
  const rejected = metrics.counter({
    name: name('rejected_requests_total'),
    help: 'Requests that were answered with 429.',
    labels: [...labels, 'reason'],
  });
  const waited = metrics.histogram({
    name: name('request_wait_duration_seconds'),
    help: 'How long requests that were let in had waited for it.',
    labels,
    buckets: durationBuckets,
  });
  const nominal = metrics.gauge({
    name: name('nominal_limit_seats'),
    help: 'How many seats the level has.',
    labels: ['priority_level'],
  });
  const observed = (rest: string, help: string, of: (level: Level) => number) =>
    metrics.observedGauge({ name: name(rest), help, labels }, (gauge) => {
      for (const level of ['system', 'workload'] as const)
        gauge.set(of(levels[level]), labelsOf(level));
    });
  observed('current_inqueue_requests', 'Requests that wait for a seat.', (l) => l.queue.queued);
  observed('current_executing_seats', 'Seats that are taken.', (l) => l.queue.taken);
  for (const level of ['system', 'workload'] as const) {
    nominal.set(seats[level], { priority_level: level });
    for (const reason of ['queue-full', 'time-out'])
      rejected.inc({ ...labelsOf(level), reason }, 0);
  }
  return {
    dispatched(level: PriorityLevel, waitedMs: number): Leave {
      const at = labelsOf(level);
      dispatched.inc(at);
      waited.observe(waitedMs / 1000, at);
      executing.add(1, at);
      let left = false;
      return () => {
        if (!left) executing.add(-1, at);
        left = true;
      };
    },
    rejected: (level: PriorityLevel, reason: string) =>
      rejected.inc({ ...labelsOf(level), reason }),
  };
}
