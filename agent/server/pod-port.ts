/** Connections to the ports of a pod, for port-forward. */
import { connect, type Socket } from 'node:net';
import { badRequest } from '../../api/status.ts';
import type { LocatedPod } from './target.ts';

const connectTimeoutMs = 10_000;
const localhost = '127.0.0.1';

/** A connection that either side may end on its own; errors say what a person can act on. */
export type Dial = (port: number, options: { readonly signal: AbortSignal }) => Promise<Socket>;

/** Refuses a pod that has no port to connect to. The words are upstream's. */
export async function checkForwardable(target: LocatedPod): Promise<void> {
  if ((await hostOf(target)) !== undefined) return;
  const phase = target.pod.status?.phase ?? 'Pending';
  throw badRequest(`unable to forward port because pod is not running. Current status=${phase}`);
}

/** A pod that restarts may change its address, so it is asked for each time. */
export function createDial(target: LocatedPod): Dial {
  const { name = '', uid = '' } = target.pod.metadata;
  return async (port, { signal }) => {
    const host = await hostOf(target);
    const about = `error forwarding port ${port} to pod ${name}, uid ${uid}`;
    if (host === undefined) throw new Error(`${about}: the pod is not running`);
    try {
      return await open(host, port, signal);
    } catch (error) {
      throw new Error(`${about}: failed to connect to ${host}:${port}: ${wordsOf(error, host)}`, {
        cause: error,
      });
    }
  };
}

async function hostOf({ runtime, id, pod }: LocatedPod): Promise<string | undefined> {
  const status = await runtime.get(id, { signal: AbortSignal.timeout(connectTimeoutMs) });
  if (!status?.containers.some(({ state }) => state.phase === 'running')) return undefined;
  return pod.spec.hostNetwork === true ? localhost : status.ips[0];
}

function open(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal, allowHalfOpen: true, noDelay: true });
    socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error('timed out')));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      // Whoever reads it hears of errors; without a listener they would end the process.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

function wordsOf(error: unknown, host: string): string {
  // Errors of sockets have codes.
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ECONNREFUSED':
      return host === localhost
        ? 'connection refused'
        : 'connection refused: nothing listens there, or only on 127.0.0.1 inside the pod';
    case 'EHOSTUNREACH':
      return 'no route to host';
    case 'ENETUNREACH':
      return 'network is unreachable';
    case 'ETIMEDOUT':
      return 'timed out';
    default:
      return message;
  }
}
