/** The time a request has: what takes longer is given up and answered with 504. */
import { parseGoDuration } from '../../api/duration.ts';
import { badRequest, StatusError } from '../../api/status.ts';
import type { Clock } from '../../lib/clock.ts';

export interface Deadline {
  /** Aborts with the 504, or with the client's own going away. */
  readonly signal: AbortSignal;
  /** What `work` comes to, or the 504 as soon as the time is over. */
  within<T>(work: Promise<T>): Promise<T>;
  end(): void;
}

/** What the client asks for by `?timeout=`, but never more than the server's own limit. Source: upstream. */
export function allottedMs(query: URLSearchParams, limitMs: number): number {
  const text = query.get('timeout') ?? '';
  if (text === '') return limitMs;
  const ms = parseGoDuration(text);
  if (ms === undefined) {
    const why = `time: invalid duration ${JSON.stringify(text)}`;
    throw badRequest(`invalid timeout specified in the request URL - ${why}`);
  }
  return ms > 0 ? Math.min(ms, limitMs) : limitMs;
}

export function startDeadline(clock: Clock, timeoutMs: number, client: AbortSignal): Deadline {
  const over = new AbortController();
  const timer = new AbortController();
  const gone = () => over.abort(client.reason);
  client.addEventListener('abort', gone, { once: true });
  if (client.aborted) gone();
  const expired = clock.sleep(timeoutMs, timer.signal).then(
    () => {
      const error = timedOut();
      over.abort(error);
      throw error;
    },
    () => undefined,
  );
  expired.catch(() => undefined); // Nobody may be waiting for it any more.
  return {
    signal: over.signal,
    async within(work) {
      const outcome = work.then((value) => ({ value }));
      outcome.catch(() => undefined); // It may fail when nobody waits any more.
      const first = await Promise.race([outcome, expired]);
      return (first ?? (await outcome)).value;
    },
    end() {
      client.removeEventListener('abort', gone);
      timer.abort(ended);
    },
  };
}

function timedOut(): StatusError {
  const message = 'Timeout: request did not complete within the allotted timeout';
  return new StatusError(504, 'Timeout', message, {});
}

/** Made once: an error of its own for every request would cost a stack trace. */
const ended = new DOMException('the request has ended', 'AbortError');
