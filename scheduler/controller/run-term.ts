/** Stays in office until the lease is lost, with the dimensions that users have at each time. */
import { underAny } from '../../lib/under-any.ts';
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
    const run = async (any: AbortSignal) => {
      const scheduler = new SchedulerTerm(options, term, { signal: any, dimensions });
      try {
        await scheduler.run();
      } finally {
        await scheduler.stop();
      }
    };
    try {
      await underAny([signal, changed], run);
    } catch (error) {
      if (signal.aborted || !changed.aborted) throw error;
    } finally {
      await extensions.stop();
    }
  }
}
