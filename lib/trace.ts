/** Spans of OpenTelemetry: thin words over its API, which does nothing until a process installs its SDK. */
import {
  type Attributes,
  context,
  type Tracer as OtelTracer,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

export type { Attributes, Span } from '@opentelemetry/api';

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
  const tracer = trace.getTracer(part);
  return {
    inSpan: (name, attributes, run) =>
      tracer.startActiveSpan(name, { attributes }, (span) => settle(span, run)),
    inServerSpan: ({ name, headers }, attributes, run) =>
      serverSpan(tracer, name, { attributes, parent: parentOf(headers) }, run),
  };
}

/** The headers that make what a request causes part of the span that runs now; none outside a span. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/** Notes on a span that what it did has failed without throwing. */
export function markFailed(span: Span, message: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

function serverSpan<T>(
  tracer: OtelTracer,
  name: string,
  from: { readonly attributes: Attributes; readonly parent: ReturnType<typeof parentOf> },
  run: (span: Span) => Promise<T>,
): Promise<T> {
  const options = { kind: SpanKind.SERVER, attributes: from.attributes };
  return tracer.startActiveSpan(name, options, from.parent, (span) => settle(span, run));
}

/** Only the trace's own headers: baggage of strangers is not carried on. */
function parentOf({ traceparent, tracestate }: TraceHeaders) {
  if (traceparent === undefined) return ROOT_CONTEXT;
  return propagation.extract(ROOT_CONTEXT, { traceparent, tracestate });
}

async function settle<T>(span: Span, run: (span: Span) => Promise<T>): Promise<T> {
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
