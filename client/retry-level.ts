import { hasReason } from '../api/status.ts';

/** How loud a failure that will be retried is: that the store is full the server says once for all. */
export function retryLevel(error: unknown): 'debug' | 'warn' {
  return hasReason(error, 'InsufficientStorage') ? 'debug' : 'warn';
}
