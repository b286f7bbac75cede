/** What the agent does, under the kubelet's names. */
import type { Clock } from '../lib/clock.ts';
import { durationBuckets, type Metrics } from '../lib/metrics.ts';
import { createTracer } from '../lib/trace.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { DesiredPods } from './sync/desired-pods.ts';

/** Calls whose time is measured; streams are not. */
const operations = ['list', 'get', 'info', 'ensure', 'stop', 'remove'] as const;

const tracer = createTracer('berth/runtime');

/** The same runtime, with its calls counted, measured and traced. */
export function measuredRuntime(runtime: Runtime, metrics: Metrics, clock: Clock): Runtime {
  const labels = ['operation_type'];
  const total = metrics.counter({
    name: 'kubelet_runtime_operations_total',
    help: 'Calls of runtimes.',
    labels,
  });
  const errors = metrics.counter({
    name: 'kubelet_runtime_operations_errors_total',
    help: 'Calls of runtimes that failed.',
    labels,
  });
  const duration = metrics.histogram({
    name: 'kubelet_runtime_operations_duration_seconds',
    help: 'How long calls of runtimes took.',
    labels,
    buckets: durationBuckets,
  });
  const measured = new Map<PropertyKey, (...args: unknown[]) => Promise<unknown>>();
  for (const operation of operations) {
    const of = { operation_type: operation };
    const attributes = { 'berth.runtime': runtime.name };
    total.inc(of, 0);
    errors.inc(of, 0);
    // The arguments go through as they are.
    const call = runtime[operation].bind(runtime) as (...args: unknown[]) => Promise<unknown>;
    measured.set(operation, async (...args) => {
      const sinceMs = clock.now();
      total.inc(of);
      try {
        return await tracer.inSpan(`runtime ${operation}`, attributes, () => call(...args));
      } catch (error) {
        errors.inc(of);
        throw error;
      } finally {
        duration.observe((clock.now() - sinceMs) / 1000, of);
      }
    });
  }
  return new Proxy(runtime, {
    get(target, name) {
      const own = measured.get(name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Counted when somebody looks. */
export function observePods(metrics: Metrics, desired: DesiredPods): void {
  metrics.observedGauge(
    { name: 'kubelet_running_pods', help: 'Pods of this node that run.' },
    (gauge) => {
      gauge.set(desired.list().filter(({ status }) => status?.phase === 'Running').length);
    },
  );
  const labels = ['container_state'];
  metrics.observedGauge(
    { name: 'kubelet_running_containers', help: 'Containers of this node by state.', labels },
    (gauge) => {
      const counts = { running: 0, waiting: 0, exited: 0 };
      for (const { status } of desired.list()) {
        for (const { state } of status?.containerStatuses ?? []) {
          if (state?.running !== undefined) counts.running += 1;
          else if (state?.terminated !== undefined) counts.exited += 1;
          else counts.waiting += 1;
        }
      }
      for (const [state, count] of Object.entries(counts)) {
        gauge.set(count, { container_state: state });
      }
    },
  );
}
