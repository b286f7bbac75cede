/** Traces of a whole plane, received by a small OTLP/HTTP collector: who caused what, from request to engine. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Pod } from '../../api/kinds.gen.ts';
import { pods } from '../../api/resources.gen.ts';
import { startTracing } from '../../cli/plane/tracing.ts';
import { createHttpsTransport } from '../../client/https-transport.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { createLog, silentLog } from '../../lib/log.ts';
import { createTracer } from '../../lib/trace.ts';
import { freePort } from '../harness/etcd.ts';
import { busyboxImage } from '../harness/images.ts';
import { startPlane } from '../harness/plane.ts';

interface Span {
  readonly scope: string;
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: {
      readonly attributes: readonly { key: string; value: { stringValue?: string } }[];
    };
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly Omit<Span, 'scope'>[];
    }[];
  }[];
}

const spans: Span[] = [];
const services = new Set<string | undefined>();
let collector: Server;

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.url === '/v1/traces') receive(JSON.parse(Buffer.concat(chunks).toString()));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  collector.closeAllConnections();
  collector.close();
});

function receive({ resourceSpans }: Sent): void {
  for (const { resource, scopeSpans } of resourceSpans) {
    services.add(resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue);
    for (const { scope, spans: some } of scopeSpans)
      for (const span of some) spans.push({ ...span, scope: scope.name });
  }
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const callerSpanId = '00f067aa0ba902b7';

const workload = {
  apiVersion: 'berth.dev/v1',
  kind: 'Workload',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [{ name: 'a', image: busyboxImage, command: ['sleep', '1000'] }],
        terminationGracePeriodSeconds: 0,
      },
    },
  },
};

/** As another traced program would: with the header of its own span. */
async function createTraced(kubeconfig: string): Promise<number> {
  const transport = createHttpsTransport(loadKubeconfig(kubeconfig));
  try {
    const { status, body } = await transport({
      method: 'POST',
      path: '/apis/berth.dev/v1/namespaces/default/workloads',
      headers: {
        'content-type': 'application/json',
        traceparent: `00-${traceId}-${callerSpanId}-01`,
      },
      body: Buffer.from(JSON.stringify(workload)),
      signal: AbortSignal.timeout(10_000),
    });
    for await (const _ of body);
    return status;
  } finally {
    transport.close();
  }
}

const scoped = (scope: string, name: string) =>
  spans.filter((span) => span.scope === scope && span.name === name);

/** Spans of requests that were caused by one of these. */
const requestsOf = (parents: readonly Span[]) => {
  const ids = new Set(parents.map(({ spanId }) => spanId));
  return spans.filter(
    ({ scope, parentSpanId }) => scope === 'berth/apiserver' && ids.has(parentSpanId ?? ''),
  );
};

test('every part sends spans, and a request is the child of what caused it', async () => {
  const { port } = collector.address() as AddressInfo;
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${port}`);
  const plane = await startPlane('embedded');
  try {
    expect(await createTraced(plane.kubeconfig)).toBe(201);
    const running = async () =>
      (await plane.client.list<Pod>(pods, { signal: AbortSignal.timeout(10_000) })).items.some(
        ({ status }) => status?.phase === 'Running',
      );
    await vi.waitUntil(running, { timeout: 120_000, interval: 100 });
    await plane.down(); // What was not sent yet is sent now.
  } finally {
    await plane.remove();
    vi.unstubAllEnvs();
  }
  expect([...services]).toEqual(['berth']);
  expect(scoped('berth/apiserver', 'create workloads')).toMatchObject([
    { traceId, parentSpanId: callerSpanId, kind: 2 },
  ]);
  expect(requestsOf(scoped('berth/controllers', 'reconcile workload-controller'))).not.toEqual([]);
  expect(requestsOf(scoped('berth/scheduler', 'schedule'))).not.toEqual([]);
  const syncs = scoped('berth/agent', 'syncPod');
  expect(requestsOf(syncs)).not.toEqual([]);
  const syncIds = syncs.map(({ spanId }) => spanId);
  const ensured = scoped('berth/runtime', 'runtime ensure');
  expect(ensured.some(({ parentSpanId }) => syncIds.includes(parentSpanId ?? ''))).toBe(true);
}, 120_000);

test('an endpoint that is no URL is refused by the name of its variable', async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:4318' };
  await expect(startTracing('berth', silentLog, env)).rejects.toThrow(
    'OTEL_EXPORTER_OTLP_ENDPOINT: "localhost:4318" is no http or https URL',
  );
});

test('a collector that is not there is told in the log, and does not keep a process from its end', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${await freePort()}`);
  const lines: string[] = [];
  const log = createLog('warn', { write: (line) => lines.push(line) });
  try {
    const tracing = await startTracing('berth', log);
    await createTracer('test').inSpan('lost', {}, async () => undefined);
    await tracing.stop();
  } finally {
    vi.unstubAllEnvs();
  }
  expect(lines.join('')).toContain('traces not sent');
});
