import type { Metrics } from '../lib/metrics.ts';

/** Returns what a candidate for `lease` tells when it comes to office and when it leaves. */
export function leaseObserver(metrics: Metrics, lease: string): (held: boolean) => void {
  const status = metrics.gauge({
    name: 'leader_election_master_status',
    help: '1 while this process holds the lease.',
    labels: ['name'],
  });
  status.set(0, { name: lease });
  return (held) => status.set(held ? 1 : 0, { name: lease });
}
