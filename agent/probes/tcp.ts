import { connect } from 'node:net';
import type { CallOptions } from '../../lib/call.ts';
import { type CheckOutcome, networkWords } from './outcome.ts';
import { hostPort } from './target.ts';

/** A connection that can be opened is success; it is closed at once. */
export function checkTcp(
  host: string,
  port: number,
  { signal }: CallOptions,
): Promise<CheckOutcome> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const onAbort = () => end(() => reject(signal.reason));
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      settle();
    };
    socket.once('connect', () => end(() => resolve({ type: 'success' })));
    socket.on('error', (error) => {
      const message = networkWords(error, hostPort(host, port));
      end(() => resolve({ type: 'failure', message }));
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
