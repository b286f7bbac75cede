/** Sends traces to an OpenTelemetry collector, where the standard's variables of the environment name one. */
import type { Log } from '../../lib/log.ts';
import { switchTracingOn } from '../../lib/trace.ts';
import { Failure } from '../failure.ts';
import { readVersion } from '../version.ts';

export interface Tracing {
  /** Sends what is still to be sent, for a few seconds at most. */
  stop(): Promise<void>;
}

/** The exporter reads them itself; the second one wins there. */
const endpointVariables = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
] as const;

/** A collector that does not answer must not hold up the end of a process for longer. */
const flushMaxMs = 3_000;

/** Without an endpoint, nothing is loaded and spans cost nothing. Throws `Failure` on one that is no URL. */
export async function startTracing(
  service: string,
  log: Log,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Tracing> {
  const wanted = endpointVariables.filter((name) => (env[name] ?? '') !== '');
  for (const name of wanted) checkEndpoint(name, env[name] ?? '');
  if (wanted.length === 0) return { stop: async () => undefined };
  const [{ diag, DiagLogLevel }, sdk, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const quiet = () => undefined;
  const warn = (message: string) => log.warn({ message }, 'traces not sent');
  const logger = { error: warn, warn, info: quiet, debug: quiet, verbose: quiet };
  diag.setLogger(logger, DiagLogLevel.WARN);
  const own = { 'service.name': service, 'service.version': readVersion().berth };
  // What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before our own names.
  const told = resources.detectResources({ detectors: [resources.envDetector] });
  const provider = new sdk.NodeTracerProvider({
    resource: resources.defaultResource().merge(resources.resourceFromAttributes(own)).merge(told),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter())],
  });
  provider.register();
  await switchTracingOn();
  return { stop: () => flushed(provider, log) };
}

function checkEndpoint(name: string, value: string): void {
  const protocol = URL.canParse(value) ? new URL(value).protocol : '';
  if (protocol === 'http:' || protocol === 'https:') return;
  throw new Failure(`${name}: "${value}" is no http or https URL, such as http://localhost:4318`);
}

async function flushed(provider: { shutdown(): Promise<void> }, log: Log): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      log.warn({ timeoutMs: flushMaxMs }, 'traces not sent');
      resolve();
    }, flushMaxMs);
  });
  const sent = provider
    .shutdown()
    .catch((error: unknown) => log.warn({ err: error }, 'traces not sent'));
  await Promise.race([sent, late]);
  clearTimeout(timer);
}
