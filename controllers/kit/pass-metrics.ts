/** How the passes of a controller end, under controller-runtime's names. */
import { durationBuckets, type Metrics } from '../../lib/metrics.ts';

export type PassResult = 'success' | 'requeue_after' | 'error' | 'terminal';

/** Returns what is told of each pass. */
export function passMetrics(
  metrics: Metrics,
  controller: string,
): (result: PassResult, durationMs: number) => void {
  const passes = metrics.counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Passes by controller and result.',
    labels: ['controller', 'result'],
  });
  const errors = metrics.counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Passes that failed.',
    labels: ['controller'],
  });
  const time = metrics.histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long passes took.',
    labels: ['controller'],
    buckets: durationBuckets,
  });
  for (const result of ['success', 'requeue_after', 'error', 'terminal'] as const) {
    passes.inc({ controller, result }, 0);
  }
  errors.inc({ controller }, 0);
  return (result, durationMs) => {
    passes.inc({ controller, result });
    if (result === 'error' || result === 'terminal') errors.inc({ controller });
    time.observe(durationMs / 1000, { controller });
  };
}
