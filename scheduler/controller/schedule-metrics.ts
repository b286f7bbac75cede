/** What the scheduler does, under kube-scheduler's names. */
import { durationBuckets, type Metrics } from '../../lib/metrics.ts';

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

export interface ScheduleMetrics {
  attempt(result: AttemptResult): void;
  /** How long a batch of decisions and its bindings took. */
  batch(durationMs: number): void;
  /** Room is made at the cost of so many. */
  preempted(victims: number): void;
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
  const preemptions = metrics.counter({
    name: 'scheduler_preemption_attempts_total',
    help: 'How often room was made for a pod, or a gang, that fitted nowhere.',
  });
  const victims = metrics.histogram({
    name: 'scheduler_preemption_victims',
    help: 'Pods removed to make room for one, or for a gang.',
    buckets: [0, 1, 2, 4, 8, 16, 32, 64],
  });
  for (const result of ['scheduled', 'unschedulable', 'error']) attempts.inc({ result }, 0);
  metrics.observedGauge(
    { name: 'scheduler_pending_pods', help: 'Pods that wait for a node.' },
    (gauge) => gauge.set(pending()),
  );
  return {
    attempt: (result) => attempts.inc({ result }),
    batch: (durationMs) => duration.observe(durationMs / 1000),
    preempted: (count) => {
      preemptions.inc();
      victims.observe(count);
    },
  };
}
