import type { Clock } from '../lib/clock.ts';
import { orAborted } from '../lib/or-aborted.ts';
import { EtcdClient } from './etcd-client.ts';
import { classifyEtcdError, type EtcdFailure } from './etcd-errors.ts';
import type { Credentials, Method } from './etcd-messages.ts';
import { StoreError } from './store.ts';

/** PEM texts. Without `cert` and `key` the server is verified, and nobody is presented to it. */
export interface EtcdTls {
  readonly ca: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

/** Where etcd is and how to speak to it. */
export interface EtcdConnection {
  /** `host:port` of one or more members of one cluster. */
  readonly endpoints: readonly string[];
  /** TLS with these; `'system'` verifies against the machine's own authorities. */
  readonly tls?: EtcdTls | 'system';
  readonly auth?: Credentials;
  /** How long one attempt of one call may take; default 5,000. */
  readonly attemptTimeoutMs?: number;
  /** How long attempts of one call are repeated; default 10,000. */
  readonly callTimeoutMs?: number;
  readonly clock: Clock;
}

/** One member. Its connection is its own, so that a failure of one disturbs no other. */
export interface Endpoint {
  readonly address: string;
  readonly client: EtcdClient;
}

const defaultAttemptTimeoutMs = 5_000;
const defaultCallTimeoutMs = 10_000;
/** More at once only lengthens etcd's queue until every call misses its deadline. */
const maxInFlight = 64;
const maxWaiting = 50_000;
const firstBackoffMs = 20;
const maxBackoffMs = 1_000;

/**
 * The members of a cluster as one: calls go to the member that answered last, and to the next one
 * when it fails.
 */
export class EtcdEndpoints {
  readonly attemptTimeoutMs: number;
  /** Called by `close`, for streams that end with the store. */
  readonly onClose = new Set<() => void>();
  readonly #endpoints: readonly Endpoint[];
  readonly #callTimeoutMs: number;
  readonly #clock: Clock;
  #current = 0;
  #inFlight = 0;
  #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(connection: EtcdConnection) {
    this.#clock = connection.clock;
    this.attemptTimeoutMs = connection.attemptTimeoutMs ?? defaultAttemptTimeoutMs;
    this.#callTimeoutMs = connection.callTimeoutMs ?? defaultCallTimeoutMs;
    this.#endpoints = connection.endpoints.map((address) => ({
      address,
      client: new EtcdClient(clientOptions(address, connection)),
    }));
    if (this.#endpoints.length === 0) throw new TypeError('etcd needs at least one endpoint');
  }

  get current(): Endpoint {
    const endpoint = this.#endpoints[this.#current];
    if (endpoint === undefined) throw new Error('there is always a current endpoint');
    return endpoint;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Makes the next member current, unless someone has done so since. */
  leave(failed: Endpoint): void {
    if (failed === this.current) this.#current = (this.#current + 1) % this.#endpoints.length;
  }

  /**
   * Makes one call, at most `maxInFlight` of them at once. A `read` is repeated after any passing
   * failure; a `write` only if it certainly had no effect. Throws StoreError, or the signal's reason.
   */
  async call<Q, A>(
    kind: 'read' | 'write',
    method: Method<Q, A>,
    request: Q,
    signal: AbortSignal,
  ): Promise<A> {
    await this.#enter(signal);
    try {
      // It cannot be taken back from etcd, but its caller need not wait for it.
      return await orAborted(this.#repeat(kind, method, request, signal), signal);
    } finally {
      this.#leave();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const end of [...this.onClose]) end();
    for (const { client } of this.#endpoints) client.close();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #repeat<Q, A>(
    kind: 'read' | 'write',
    method: Method<Q, A>,
    request: Q,
    signal: AbortSignal,
  ): Promise<A> {
    const giveUpAtMs = this.#clock.now() + this.#callTimeoutMs;
    for (let tries = 0; ; tries += 1) {
      const endpoint = this.current;
      const deadlineMs = Math.min(this.#clock.now() + this.attemptTimeoutMs, giveUpAtMs);
      try {
        return await endpoint.client.call(method, request, deadlineMs);
      } catch (cause) {
        if (this.#isClosed) throw closedError(cause);
        const failure = classifyEtcdError(cause, endpoint.address);
        if (failure.isPassing) this.leave(endpoint);
        const waitMs = this.#backoffMs(tries);
        if (!mayRepeat(kind, failure) || this.#clock.now() + waitMs >= giveUpAtMs) {
          throw failure.error;
        }
        signal.throwIfAborted();
        await this.#clock.sleep(waitMs, signal);
      }
    }
  }

  /** Nothing while there are members not tried yet, then ever longer. */
  #backoffMs(tries: number): number {
    const rounds = Math.floor((tries + 1) / this.#endpoints.length);
    return rounds === 0 ? 0 : Math.min(firstBackoffMs * 2 ** (rounds - 1), maxBackoffMs);
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#inFlight < maxInFlight && !this.#isClosed) {
      this.#inFlight += 1;
      return;
    }
    if (this.#waiting.length >= maxWaiting) {
      throw new StoreError('Unavailable', `${maxWaiting} calls to etcd are waiting already`);
    }
    // Whoever leaves hands its place on, so it is counted already.
    if (!this.#isClosed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#isClosed) throw closedError();
    if (signal.aborted) {
      this.#leave();
      throw signal.reason;
    }
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inFlight -= 1;
    else next();
  }
}

export function closedError(cause?: unknown): StoreError {
  return new StoreError('Closed', 'the store was closed', { cause });
}

function mayRepeat(kind: 'read' | 'write', failure: EtcdFailure): boolean {
  return failure.isPassing && (kind === 'read' || failure.isUntouched);
}

function clientOptions(address: string, { tls, auth, clock }: EtcdConnection) {
  return {
    address,
    clock,
    ...(tls === undefined ? {} : { tls: tls === 'system' ? {} : tls }),
    ...(auth === undefined ? {} : { auth }),
  };
}
