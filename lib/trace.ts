/** Spans of OpenTelemetry: thin words over its API, which is loaded when a process installs its SDK, and not before. */
import type { Attributes, Span as OtelSpan, Tracer as OtelTracer } from '@opentelemetry/api';

export type { Attributes } from '@opentelemetry/api';

/** What those who run inside a span do with it. */
export type Span = Pick<OtelSpan, 'setAttribute' | 'setStatus'>;

type Otel = typeof import('@opentelemetry/api');

let otel: Otel | undefined;

/** From now on spans are made, by what this process has installed. */
export async function switchTracingOn(): Promise<void> {
  otel = await import('@opentelemetry/api');
}

/** Where nobody looks. */
const unseen: Span = {
  setAttribute: () => unseen as OtelSpan, // Nobody chains calls.
  setStatus: () => unseen as OtelSpan, // The same.
};

/** Makes the spans of one part of Berth. */
export interface Tracer {
  /** Runs inside a span, which is a child of the span around it; what `run` throws is noted on it. */
  inSpan<T>(name: string, attributes: Attributes, run: (span: Span) => Promise<T>): Promise<T>;

  /** The same for a request that was received: its `traceparent`, where it has one, is the parent. */
  inServerSpan<T>(
    request: { readonly name: string; readonly headers: TraceHeaders },
    attributes: Attributes,
    run: (span: Span) => Promise<T>,
  ): Promise<T>;
}

type TraceHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** `part` is the scope that its spans are shown under, such as `berth/scheduler`. */
export function createTracer(part: string): Tracer {
  return {
    inSpan: async (name, attributes, run) =>
      otel === undefined
        ? await run(unseen)
        : await otel.trace
            .getTracer(part)
            .startActiveSpan(name, { attributes }, (span) => settle(span, run)),
    inServerSpan: async ({ name, headers }, attributes, run) =>
      otel === undefined
        ? await run(unseen)
        : await serverSpan(otel, otel.trace.getTracer(part), { name, headers, attributes }, run),
  };
}

/** The headers that make what a request causes part of the span that runs now; none outside a span. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  otel?.propagation.inject(otel.context.active(), headers);
  return headers;
}

/** Notes on a span that what it did has failed without throwing. */
export function markFailed(span: Span, message: string): void {
  if (otel !== undefined) span.setStatus({ code: otel.SpanStatusCode.ERROR, message });
}

function serverSpan<T>(
  api: Otel,
  tracer: OtelTracer,
  from: {
    readonly name: string;
    readonly headers: TraceHeaders;
    readonly attributes: Attributes;
  },
  run: (span: Span) => Promise<T>,
): Promise<T> {
  const options = { kind: api.SpanKind.SERVER, attributes: from.attributes };
  const parent = parentOf(api, from.headers);
  return tracer.startActiveSpan(from.name, options, parent, (span) => settle(span, run));
}

/** Only the trace's own headers: baggage of strangers is not carried on. */
function parentOf(api: Otel, { traceparent, tracestate }: TraceHeaders) {
  if (traceparent === undefined) return api.ROOT_CONTEXT;
  return api.propagation.extract(api.ROOT_CONTEXT, { traceparent, tracestate });
}

async function settle<T>(span: OtelSpan, run: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await run(span);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    span.recordException(error instanceof Error ? error : message);
    markFailed(span, message);
    throw error;
  } finally {
    span.end();
  }
}
