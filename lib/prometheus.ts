/** The metrics of a process, kept by prom-client in a registry of their own. */
import * as client from 'prom-client';
import type { Gauge, Metrics, MetricText } from './metrics.ts';

/** With those of the process itself (`process_*`, `nodejs_*`). */
export function createMetrics(): Metrics {
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  const readers = new Map<string, (gauge: Gauge) => void>();
  return {
    counter(text) {
      const counter = once(registry, text, (full) => new client.Counter(full));
      return { inc: (labels = {}, by = 1) => counter.inc(labels, by) };
    },
    gauge: (text) => gaugeOf(once(registry, text, (full) => new client.Gauge(full))),
    observedGauge(text, read) {
      readers.set(text.name, read);
      once(registry, text, (full) => {
        const gauge: client.Gauge = new client.Gauge({
          ...full,
          collect() {
            gauge.reset();
            readers.get(text.name)?.(gaugeOf(gauge));
          },
        });
        return gauge;
      });
    },
    histogram(text) {
      const buckets = [...text.buckets];
      const histogram = once(registry, text, (full) => new client.Histogram({ ...full, buckets }));
      return { observe: (value, labels = {}) => histogram.observe(labels, value) };
    },
    async expose() {
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}

interface FullText {
  readonly name: string;
  readonly help: string;
  labelNames: string[];
  registers: client.Registry[];
}

function once<M extends client.Metric>(
  registry: client.Registry,
  { name, help, labels = [] }: MetricText,
  make: (text: FullText) => M,
): M {
  // Of one name there is one kind of metric only: names are literals of ours.
  const known = registry.getSingleMetric(name) as M | undefined;
  return known ?? make({ name, help, labelNames: [...labels], registers: [registry] });
}

function gaugeOf(gauge: client.Gauge): Gauge {
  return {
    set: (value, labels = {}) => gauge.set(labels, value),
    add: (by, labels = {}) => gauge.inc(labels, by),
  };
}
