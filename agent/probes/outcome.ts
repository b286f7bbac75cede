/** What one check found. */
export type CheckOutcome =
  | { readonly type: 'success' }
  /** It counts as a success, and something is odd. */
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'failure'; readonly message: string }
  /** The check itself could not be made; counts for nothing. */
  | { readonly type: 'error'; readonly message: string };

/** What is read of an answer or an output; the rest is dropped. Source: kubelet's probers. */
export const outputMaxBytes = 10 * 1024;

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ECONNRESET: 'read: connection reset by peer',
  ETIMEDOUT: 'i/o timeout',
};

interface NetworkError {
  readonly message: string;
  readonly code?: string;
  readonly cause?: { readonly code?: string };
}

/** A failed connection in the words that users know from elsewhere. */
export function networkWords(error: unknown, address: string): string {
  // Errors of sockets carry a code; those of streams over them have it in their cause.
  const { code = '', message, cause } = error as NetworkError;
  const known = words[code] ?? words[cause?.code ?? ''];
  return known === undefined ? message : `dial tcp ${address}: ${known}`;
}

/** Keeps the first bytes of what is added to it. */
export class LimitedText {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  add(chunk: Buffer): void {
    const rest = outputMaxBytes - this.#bytes;
    if (rest <= 0) return;
    const part = chunk.subarray(0, rest);
    this.#chunks.push(part);
    this.#bytes += part.length;
  }

  get isFull(): boolean {
    return this.#bytes >= outputMaxBytes;
  }

  toString(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
