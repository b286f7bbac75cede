import { runWithLease } from '../../client/lease.ts';
import { TermLost } from './binder.ts';
import { runTerm } from './run-term.ts';
import type { SchedulerOptions } from './scheduler-options.ts';

/** The lease that makes one scheduler of many. */
const schedulerLease = { namespace: 'kube-system', name: 'berth-scheduler' } as const;

/** Before the lease is tried again after the server refused a term. */
const retryMs = 1_000;

/** Resolves when `signal` aborts; until then it comes back after every lost term. */
export async function runScheduler(options: SchedulerOptions): Promise<void> {
  const { client, clock, log, signal, identity, leaseDurations } = options;
  const { metrics } = options;
  const measured = metrics === undefined ? {} : { metrics };
  const lease = { ...schedulerLease, ...measured, client, clock, log, signal, identity };
  while (!signal.aborted) {
    await runWithLease(
      { ...lease, ...(leaseDurations === undefined ? {} : { durations: leaseDurations }) },
      async (termSignal, { transitions }) => {
        const term = { ...schedulerLease, holderIdentity: identity, leaseTransitions: transitions };
        try {
          await runTerm(options, term, termSignal);
        } catch (error) {
          if (!(error instanceof TermLost)) throw error;
          log.warn({ err: error }, 'scheduler term refused by the server');
        }
      },
    );
    await clock.sleep(retryMs, signal).catch(() => {}); // Aborted: the loop ends.
  }
}
