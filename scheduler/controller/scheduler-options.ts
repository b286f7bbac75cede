/** What a scheduler is started with. */
import type { Client } from '../../client/client.ts';
import type { LeaseDurations } from '../../client/lease.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { Random } from '../../lib/random.ts';
import type { ExtensionOptions } from '../extensions/extensions.ts';

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
