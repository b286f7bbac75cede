/** Counts calls of admission webhooks under upstream's names. */
import type { Counter, Histogram, Metrics } from '../../../lib/metrics.ts';

export type Phase = 'admit' | 'validating';

export interface Called {
  readonly webhook: string;
  readonly phase: Phase;
  readonly operation: string;
  readonly durationMs: number;
  /** HTTP status: the webhook's own, or what its refusal says. */
  readonly code: number;
  /** Why the request was refused, if it was. */
  readonly refused?: 'no_error' | 'calling_webhook_error' | 'apiserver_internal_error';
}

/** Higher ones are no HTTP statuses. */
const maxCode = 600;

export class WebhookMetrics {
  readonly #duration: Histogram;
  readonly #total: Counter;
  readonly #rejections: Counter;
  readonly #failedOpen: Counter;

  constructor(metrics: Metrics) {
    const of = ['name', 'type', 'operation'];
    this.#duration = metrics.histogram({
      name: 'apiserver_admission_webhook_admission_duration_seconds',
      help: 'How long admission webhooks took.',
      labels: [...of, 'rejected'],
      buckets: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25],
    });
    this.#total = metrics.counter({
      name: 'apiserver_admission_webhook_request_total',
      help: 'Calls of admission webhooks by code of the answer.',
      labels: [...of, 'code', 'rejected'],
    });
    this.#rejections = metrics.counter({
      name: 'apiserver_admission_webhook_rejection_count',
      help: 'Requests that admission webhooks refused, or that were refused because of them.',
      labels: [...of, 'error_type', 'rejection_code'],
    });
    this.#failedOpen = metrics.counter({
      name: 'apiserver_admission_webhook_fail_open_count',
      help: 'Calls that failed and were ignored.',
      labels: ['name', 'type'],
    });
  }

  called({ webhook, phase, operation, durationMs, code, refused }: Called): void {
    const labels = { name: webhook, type: phase, operation };
    const rejected = String(refused !== undefined);
    const shown = String(Math.min(code, maxCode));
    this.#duration.observe(durationMs / 1_000, { ...labels, rejected });
    this.#total.inc({ ...labels, code: shown, rejected });
    if (refused !== undefined)
      this.#rejections.inc({ ...labels, error_type: refused, rejection_code: shown });
  }

  failedOpen(webhook: string, phase: Phase): void {
    this.#failedOpen.inc({ name: webhook, type: phase });
  }
}
