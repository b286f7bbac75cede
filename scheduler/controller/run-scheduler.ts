/** The scheduler: holds the lease, and decides and binds while it does. */
import type { Client } from '../../client/client.ts';
import { type LeaseDurations, runWithLease } from '../../client/lease.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { Random } from '../../lib/random.ts';
import type { ExtensionOptions } from '../extensions/extensions.ts';
import { TermLost } from './binder.ts';
import { runTerm } from './run-term.ts';

export interface SchedulerOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Differs between candidates, also between two runs of one. */
  readonly identity: string;
  readonly leaseDurations?: LeaseDurations;
  readonly metrics?: Metrics;
  /** Of users' own dimensions that are modules. */
  readonly moduleUrl?: ExtensionOptions['moduleUrl'];
}

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
