/** A request within its limits: a place in the queue, a seat, a deadline; for a stream a place among the user's streams. */
import type { Clock } from '../../lib/clock.ts';
import type { ApiResponse, RequestContext } from '../request/request.ts';
import { allottedMs, startDeadline } from './deadline.ts';
import type { FlowControl } from './flow-control.ts';
import { isLongRunning, priorityOf, seatsOf } from './priority.ts';

export interface LimitedDeps {
  readonly flow: FlowControl;
  readonly clock: Clock;
}

type Work = (signal: AbortSignal) => Promise<ApiResponse>;

/**
 * Runs `work` when its turn comes, and holds its place until the answer has been sent (`done`). `stored` is
 * how many objects there are of the kind asked for. Throws 429 and 504.
 */
export function limited(
  deps: LimitedDeps,
  context: RequestContext,
  stored: number,
  work: Work,
): Promise<ApiResponse> {
  return isLongRunning(context.info)
    ? stream(deps, context, work)
    : seated(deps, context, stored, work);
}

async function stream(
  { flow }: LimitedDeps,
  { user, request }: RequestContext,
  work: Work,
): Promise<ApiResponse> {
  const leave = flow.stream(user);
  try {
    return { ...(await work(request.signal)), done: leave };
  } catch (error) {
    leave();
    throw error;
  }
}

async function seated(
  { flow, clock }: LimitedDeps,
  { info, user, request }: RequestContext,
  stored: number,
  work: Work,
): Promise<ApiResponse> {
  const allowedMs = allottedMs(request.query, flow.requestTimeoutMs);
  const deadline = startDeadline(clock, allowedMs, request.signal);
  const { signal } = deadline;
  const answered = (async () => {
    const seats = seatsOf(info, request.query, stored);
    const leave = await flow.enter(priorityOf(user, info), user, seats, signal);
    try {
      return { answer: await work(signal), leave };
    } catch (error) {
      leave();
      throw error;
    }
  })();
  try {
    const { answer, leave } = await deadline.within(answered);
    const done = () => {
      deadline.end();
      leave();
    };
    if (answer.body instanceof Uint8Array) return { ...answer, done, cut: signal };
    deadline.end();
    return { ...answer, done };
  } catch (error) {
    deadline.end();
    // What is too late keeps its seat as long as it goes on.
    answered.then(
      ({ leave }) => leave(),
      () => undefined,
    );
    throw error;
  }
}
