/** Counts requests under upstream's names. */
import {
  type Counter,
  durationBuckets,
  type Gauge,
  type Histogram,
  type Labels,
  type Metrics,
} from '../../lib/metrics.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import type { RequestInfo } from './request-info.ts';

const target = ['group', 'version', 'resource', 'subresource', 'scope'] as const;

const verbNames: Readonly<Record<string, string>> = {
  create: 'POST',
  update: 'PUT',
  deletecollection: 'DELETECOLLECTION',
};

export interface Finished {
  readonly info: RequestInfo;
  /** Whether the kind is served: others are counted as one, so that nobody can make labels. */
  readonly known: boolean;
  readonly durationMs: number;
}

export class RequestMetrics {
  readonly #total: Counter;
  readonly #duration: Histogram;
  readonly #inFlight: Gauge;
  readonly #longRunning: Gauge;

  constructor(metrics: Metrics) {
    this.#total = metrics.counter({
      name: 'apiserver_request_total',
      help: 'Requests by verb, resource and code of the answer.',
      labels: ['verb', ...target, 'code'],
    });
    this.#duration = metrics.histogram({
      name: 'apiserver_request_duration_seconds',
      help: 'How long answers took; without watches.',
      labels: ['verb', ...target],
      buckets: durationBuckets,
    });
    this.#inFlight = metrics.gauge({
      name: 'apiserver_current_inflight_requests',
      help: 'Requests that are being answered now.',
      labels: ['request_kind'],
    });
    for (const kind of ['mutating', 'readOnly']) this.#inFlight.set(0, { request_kind: kind });
    this.#longRunning = metrics.gauge({
      name: 'apiserver_longrunning_requests',
      help: 'Watches and followed logs that go on now.',
      labels: ['verb', ...target],
    });
  }

  begun({ method }: ApiRequest): () => void {
    const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
    const labels = { request_kind: reads ? 'readOnly' : 'mutating' };
    this.#inFlight.add(1, labels);
    return () => this.#inFlight.add(-1, labels);
  }

  /** The answer; a stream is counted as running until it ends. */
  answered({ info, known, durationMs }: Finished, answer: ApiResponse): ApiResponse {
    const labels = labelsOf(info, known);
    this.#total.inc({ ...labels, code: String(answer.status) });
    if (info.verb !== 'watch') this.#duration.observe(durationMs / 1000, labels);
    if (answer.body instanceof Uint8Array) return answer;
    return { ...answer, body: this.#counted(answer.body, labels) };
  }

  /** Counts also a stream that is let go before it was begun. */
  #counted(body: AsyncIterable<Uint8Array>, labels: Labels): AsyncIterable<Uint8Array> {
    let isOver = false;
    const over = <T>(result: T): T => {
      if (!isOver) this.#longRunning.add(-1, labels);
      isOver = true;
      return result;
    };
    const failed = (error: unknown) => {
      throw over(error);
    };
    this.#longRunning.add(1, labels);
    return {
      [Symbol.asyncIterator]() {
        const stream = body[Symbol.asyncIterator]();
        const end = { done: true, value: undefined } as const;
        return {
          next: () =>
            stream.next().then((result) => (result.done === true ? over(result) : result), failed),
          return: async () => over((await stream.return?.()) ?? end),
        };
      },
    };
  }
}

/** No others become labels. */
const subresources = new Set(
  'status scale log exec attach portforward binding eviction finalize token'.split(' '),
);

function labelsOf(info: RequestInfo, known: boolean) {
  const verb = verbNames[info.verb] ?? info.verb.toUpperCase();
  if (!info.isResource || !known) {
    return {
      verb: info.isResource ? verb : 'GET',
      group: '',
      version: '',
      resource: '',
      subresource: '',
      scope: '',
    };
  }
  const { group, version, resource, name, namespace } = info;
  const subresource = subresources.has(info.subresource) ? info.subresource : '';
  const within = namespace === '' ? 'cluster' : 'namespace';
  return { verb, group, version, resource, subresource, scope: name === '' ? within : 'resource' };
}
