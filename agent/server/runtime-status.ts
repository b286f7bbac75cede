/** What a runtime refuses, in the words of the API. */
import { StatusError, type StatusReason } from '../../api/status.ts';
import { RuntimeError, type RuntimeErrorReason } from '../../runtime/runtime.ts';

const answers: Partial<Record<RuntimeErrorReason, readonly [number, StatusReason]>> = {
  NotFound: [404, 'NotFound'],
  ImageInUse: [409, 'Conflict'],
  Conflict: [409, 'Conflict'],
  InvalidSpec: [400, 'BadRequest'],
  Unsupported: [400, 'BadRequest'],
  Unavailable: [503, 'ServiceUnavailable'],
};

export function statusOfRuntime(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const [code, reason] = (error instanceof RuntimeError && answers[error.reason]) || [];
  return new StatusError(code ?? 500, reason ?? 'InternalError', message, undefined, {
    cause: error,
  });
}
