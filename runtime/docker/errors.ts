import { RuntimeError, type RuntimeErrorReason } from '../runtime.ts';

/** What docker-modem throws: `statusCode` when the engine answered, `code` when the socket failed. */
interface EngineFailure {
  readonly statusCode?: number;
  readonly json?: { readonly message?: string } | null;
  readonly message: string;
  readonly name?: string;
  readonly code?: unknown;
}

function asFailure(error: unknown): EngineFailure {
  // docker-modem decorates plain Errors; every field is optional, so reading them is safe.
  return error instanceof Error ? (error as EngineFailure) : { message: String(error) };
}

/** The HTTP status of the engine's answer; `undefined` when there was none. */
export function statusOf(error: unknown): number | undefined {
  return asFailure(error).statusCode;
}

/** The engine's own words, without the client library's prefix, and the same at every try. */
export function wordsOf(error: unknown): string {
  const failure = asFailure(error);
  const words = failure.json?.message ?? failure.message;
  // Ids of what is gone by now would make each failure look like a new one.
  const stable = words.replace(/ \([0-9a-f]{64}\)/g, '');
  return stable.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
}

/** Aborts pass through; no answer is `Unavailable`; `reasons` maps HTTP statuses, `otherwise` the rest. */
export function toRuntimeError(
  error: unknown,
  reasons: Readonly<Record<number, RuntimeErrorReason>> = {},
  options: { readonly otherwise?: RuntimeErrorReason; readonly container?: string } = {},
): unknown {
  if (error instanceof RuntimeError) return error;
  const failure = asFailure(error);
  if (failure.name === 'AbortError') return error;
  const status = failure.statusCode;
  const reason =
    status === undefined
      ? 'Unavailable'
      : (reasons[status] ?? options.otherwise ?? (status === 404 ? 'NotFound' : 'Unavailable'));
  const { container } = options;
  const isSocket = status === undefined && typeof failure.code === 'string';
  const words = isSocket ? `Docker cannot be reached: ${wordsOf(error)}` : wordsOf(error);
  return new RuntimeError(reason, words, {
    cause: error,
    ...(container === undefined ? {} : { container }),
  });
}
