/** What work queues do, under client-go's names. */
import { durationBuckets, type Metrics } from '../lib/metrics.ts';
import type { QueueObserver } from './work-queue.ts';

export function queueObserver(metrics: Metrics, name: string): QueueObserver {
  const labels = ['name'];
  const of = { name };
  const depth = metrics.gauge({ name: 'workqueue_depth', help: 'Keys that wait.', labels });
  const adds = metrics.counter({
    name: 'workqueue_adds_total',
    help: 'Keys that began to wait.',
    labels,
  });
  const retries = metrics.counter({
    name: 'workqueue_retries_total',
    help: 'Keys added again after a failure.',
    labels,
  });
  const waits = metrics.histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'How long keys waited.',
    labels,
    buckets: durationBuckets,
  });
  const work = metrics.histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'How long keys were worked on.',
    labels,
    buckets: durationBuckets,
  });
  depth.set(0, of);
  adds.inc(of, 0);
  retries.inc(of, 0);
  return {
    added(length) {
      adds.inc(of);
      depth.set(length, of);
    },
    retried: () => retries.inc(of),
    taken(length, waitedMs) {
      depth.set(length, of);
      waits.observe(waitedMs / 1000, of);
    },
    done: (workedMs) => work.observe(workedMs / 1000, of),
  };
}
