/** A store whose calls are measured, under the names that monitors know from etcd. */

import type { Clock } from '../../lib/clock.ts';
import { durationBuckets, type Metrics } from '../../lib/metrics.ts';
import type { Store } from '../../store/store.ts';

const operations = ['get', 'list', 'txn', 'revision', 'compact'] as const;

export function measuredStore(store: Store, metrics: Metrics, clock: Clock): Store {
  const labels = ['operation'];
  const total = metrics.counter({
    name: 'etcd_requests_total',
    help: 'Calls of the store.',
    labels,
  });
  const errors = metrics.counter({
    name: 'etcd_request_errors_total',
    help: 'Calls of the store that failed.',
    labels,
  });
  const duration = metrics.histogram({
    name: 'etcd_request_duration_seconds',
    help: 'How long calls of the store took, whichever store it is.',
    labels,
    buckets: durationBuckets,
  });
  for (const operation of operations) {
    total.inc({ operation }, 0);
    errors.inc({ operation }, 0);
  }
  async function measured<T>(operation: (typeof operations)[number], call: () => Promise<T>) {
    const sinceMs = clock.now();
    total.inc({ operation });
    try {
      return await call();
    } catch (error) {
      errors.inc({ operation });
      throw error;
    } finally {
      duration.observe((clock.now() - sinceMs) / 1000, { operation });
    }
  }
  return {
    get: (key, options) => measured('get', () => store.get(key, options)),
    list: (prefix, options) => measured('list', () => store.list(prefix, options)),
    txn: (txn, options) => measured('txn', () => store.txn(txn, options)),
    revision: (options) => measured('revision', () => store.revision(options)),
    compact: (revision, options) => measured('compact', () => store.compact(revision, options)),
    watch: (prefix, options) => store.watch(prefix, options),
    space: (options) => store.space(options),
    close: () => store.close(),
  };
}
