/** How much is stored: objects by kind, and what the store takes of its disk. */
import type { Metrics } from '../../lib/metrics.ts';
import type { StoreSpace } from '../../store/store.ts';
import type { WatchCache } from './watch-cache.ts';

/** Returns what is to be told of each look at the store's space. */
export function storageMetrics(metrics: Metrics, cache: WatchCache): (space: StoreSpace) => void {
  metrics.observedGauge(
    { name: 'apiserver_storage_objects', help: 'Stored objects by kind.', labels: ['resource'] },
    (gauge) => {
      for (const { folder, count } of cache.counts()) gauge.set(count, { resource: named(folder) });
    },
  );
  const size = metrics.gauge({
    name: 'apiserver_storage_size_bytes',
    help: 'Size of the data file of the store.',
  });
  const inUse = metrics.gauge({
    name: 'berth_store_in_use_bytes',
    help: 'How much of the data file holds data.',
  });
  const full = metrics.gauge({
    name: 'berth_store_full',
    help: '1 while the store refuses puts for lack of space.',
  });
  return (space) => {
    size.set(space.sizeBytes);
    inUse.set(space.inUseBytes);
    full.set(space.full === undefined ? 0 : 1);
  };
}

/** `pods`, `workloads.berth.dev`. */
function named(folder: string): string {
  const [group = '', plural = ''] = folder.split('/');
  return group === 'core' ? plural : `${plural}.${group}`;
}
