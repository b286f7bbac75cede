/** Errors of the store in the words of the API. */
import { StatusError } from '../../api/status.ts';
import { StoreError } from '../../store/store.ts';

/** Runs `call`; a `StoreError` becomes the `StatusError` that clients understand. */
export async function guarded<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toStatusError(error);
  }
}

/** The `StatusError` for a `StoreError`; anything else as it is. */
export function toStatusError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  const cause = { cause: error };
  switch (error.reason) {
    case 'Compacted':
      return new StatusError(410, 'Expired', expiredText, undefined, cause);
    case 'FutureRevision':
      return new StatusError(
        504,
        'Timeout',
        `Timeout: Too large resource version: ${error.message}`,
        { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 },
        cause,
      );
    case 'TooLarge':
      return new StatusError(
        413,
        'RequestEntityTooLarge',
        `Request entity too large: ${error.message}`,
        undefined,
        cause,
      );
    case 'NoSpace':
      return new StatusError(
        507,
        'InsufficientStorage',
        'the store is full, so nothing can be created or changed now; reading, deleting and what runs ' +
          'go on. Free space on the disk of the store ("berth doctor" says how) and try again: ' +
          error.message,
        { causes: [{ reason: 'StoreFull' }], retryAfterSeconds: 1 },
        cause,
      );
    case 'Unavailable':
    case 'Closed':
      return new StatusError(
        503,
        'ServiceUnavailable',
        `the store cannot be reached, try again: ${error.message}`,
        { retryAfterSeconds: 1 },
        cause,
      );
  }
}

const expiredText = 'The resourceVersion for the provided list is too old.';
