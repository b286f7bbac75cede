/** Stays in office until the lease is lost, with the dimensions that users have at each time. */
import { openExtensions } from '../extensions/extensions.ts';
import type { Term } from './binder.ts';
import type { SchedulerOptions } from './scheduler-options.ts';
import { SchedulerTerm } from './term.ts';

/** Runs until `signal` aborts; throws `TermLost` when the server does not accept the term any more. */
export async function runTerm(
  options: SchedulerOptions,
  term: Term,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const extensions = await openExtensions(options, signal);
    const { changed, dimensions } = extensions;
    // With other dimensions everything is counted anew; the lease stays.
    const scheduler = new SchedulerTerm(options, term, {
      signal: AbortSignal.any([signal, changed]),
      dimensions,
    });
    try {
      await scheduler.run();
    } catch (error) {
      if (signal.aborted || !changed.aborted) throw error;
    } finally {
      await scheduler.stop();
      await extensions.stop();
    }
  }
}
