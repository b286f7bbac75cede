/** Waiting for what must become true; nothing here ever sleeps for its own sake. */

/** Nothing waits longer than it must, and the machine may be busy with other tests. */
const defaultTimeoutMs = 120_000;
const pollMs = 40;
const maxPollMs = 1_000;

/**
 * The first answer of `probe` that is neither `undefined` nor `false`. A probe that throws has no answer
 * yet; what it threw last is told when the time is up.
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = defaultTimeoutMs,
): Promise<T> {
  const deadlineMs = Date.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    const askedMs = Date.now();
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadlineMs) {
      const cause = lastError === undefined ? {} : { cause: lastError };
      throw new Error(`after ${timeoutMs} ms still not: ${what}. ${lastError ?? ''}`, cause);
    }
    // A probe that starts programs takes from what it waits for: two thirds of the time are left to that.
    const pauseMs = Math.min(Math.max(2 * (Date.now() - askedMs), pollMs), maxPollMs);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
