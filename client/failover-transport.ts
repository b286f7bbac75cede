/** One transport over several servers of one plane: stays with one while it answers, then tries the next. */
import { createHttpsTransport, type HttpsTransportOptions } from './https-transport.ts';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';

export interface FailoverOptions extends Omit<HttpsTransportOptions, 'server'> {
  /** At least one. */
  readonly servers: readonly string[];
  /** Told when another server is turned to. */
  readonly onSwitch?: (from: string, to: string, error: unknown) => void;
}

export interface FailoverTransport extends Transport {
  /** Requests from now on show this certificate; streams under way go on as they are. */
  useCertificate(pair: { readonly cert: string; readonly key: string }): void;
  close(): void;
}

/** Errors that tell for certain that no server has seen the request. */
const unsent = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);

/**
 * A request is sent to the next server at once if it only reads, or if the first has not seen it; else
 * its caller hears of the failure, and the next request goes to the next server.
 */
export function createFailoverTransport(options: FailoverOptions): FailoverTransport {
  const { servers, onSwitch, ...credentials } = options;
  const open = (more: Partial<HttpsTransportOptions>) =>
    servers.map((server) => createHttpsTransport({ ...credentials, ...more, server }));
  let transports = open({});
  let current = 0;

  const next = (failed: number, error: unknown) => {
    // Of many requests that fail together only the first moves on.
    if (failed !== current || servers.length === 1) return;
    current = (current + 1) % servers.length;
    onSwitch?.(servers[failed] ?? '', servers[current] ?? '', error);
  };

  const transport = async (call: TransportRequest): Promise<TransportResponse> => {
    for (let tries = 1; ; tries += 1) {
      const used = current;
      try {
        // There is one for each server, and `current` is one of them.
        return await (transports[used] as Transport)(call);
      } catch (error) {
        if (call.signal.aborted) throw error;
        next(used, error);
        const again = call.method === 'GET' || unsent.has(codeOf(error));
        if (!again || tries >= servers.length) throw error;
      }
    }
  };
  return Object.assign(transport, {
    useCertificate(pair: { readonly cert: string; readonly key: string }) {
      transports = open(pair);
    },
    close() {
      for (const each of transports) each.close();
    },
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
