/** What the scheduler does, under kube-scheduler's names. */
import { durationBuckets, type Metrics } from '../../lib/metrics.ts';

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

export interface ScheduleMetrics {
  attempt(result: AttemptResult): void;
  /** How long a batch of decisions and its bindings took. */
  batch(durationMs: number): void;
}

/** `pending` is asked when somebody looks. */
export function scheduleMetrics(metrics: Metrics, pending: () => number): ScheduleMetrics {
  const attempts = metrics.counter({
    name: 'scheduler_schedule_attempts_total',
    help: 'Pods decided, by result.',
    labels: ['result'],
  });
  const duration = metrics.histogram({
    name: 'scheduler_scheduling_attempt_duration_seconds',
    help: 'How long a batch of decisions and its bindings took.',
    buckets: durationBuckets,
  });
  for (const result of ['scheduled', 'unschedulable', 'error']) attempts.inc({ result }, 0);
  metrics.observedGauge(
    { name: 'scheduler_pending_pods', help: 'Pods that wait for a node.' },
    (gauge) => gauge.set(pending()),
  );
  return {
    attempt: (result) => attempts.inc({ result }),
    batch: (durationMs) => duration.observe(durationMs / 1000),
  };
}
