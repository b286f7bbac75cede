/** Counting and measuring, as an interface: what counts does not know who collects. */

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  inc(labels?: Labels, by?: number): void;
}

export interface Gauge {
  set(value: number, labels?: Labels): void;
  add(by: number, labels?: Labels): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

export interface MetricText {
  /** Prometheus' rules: units last, counters end in `_total`. */
  readonly name: string;
  readonly help: string;
  /** Each with few values only: never a name that users choose. */
  readonly labels?: readonly string[];
}

export interface HistogramText extends MetricText {
  readonly buckets: readonly number[];
}

/** A second metric of the same name is the first. Counters without labels begin at 0. */
export interface Metrics {
  counter(text: MetricText): Counter;
  gauge(text: MetricText): Gauge;
  /** Asked when somebody looks; each look replaces all values. A second one takes the first's place. */
  observedGauge(text: MetricText, read: (gauge: Gauge) => void): void;
  histogram(text: HistogramText): Histogram;
  /** All of it, in Prometheus' text format. */
  expose(): Promise<{ readonly contentType: string; readonly text: string }>;
}

const nothing = { inc() {}, set() {}, add() {}, observe() {} };

/** Forgets everything. */
export const noMetrics: Metrics = {
  counter: () => nothing,
  gauge: () => nothing,
  observedGauge: () => {},
  histogram: () => nothing,
  expose: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: '' }),
};

/** For what takes milliseconds to seconds. */
export const durationBuckets = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;
