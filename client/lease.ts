/** Leader election over a coordination.k8s.io Lease, as client-go does it. Source: KEP-589 (node leases), client-go tools/leaderelection. */

import type { KubeObject } from '../api/meta.ts';
import { leases } from '../api/resources.gen.ts';
import { hasReason, StatusError } from '../api/status.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Client } from './client.ts';
import { leaseObserver } from './lease-metrics.ts';
import { longLived } from './long-lived.ts';
import { retryLevel } from './retry-level.ts';

export interface LeaseDurations {
  /** Others may take a lease that was not renewed for so long, by their own clocks. */
  readonly leaseMs: number;
  /** The holder gives up when it could not renew for so long; less than `leaseMs`. */
  readonly renewDeadlineMs: number;
  /** Between two attempts to take or renew it. */
  readonly retryMs: number;
}

const defaultLeaseDurations: LeaseDurations = {
  leaseMs: 15_000,
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
};

export interface LeaseOptions {
  readonly client: Client;
  readonly name: string;
  readonly namespace: string;
  /** Differs between candidates, also between two runs of one. */
  readonly identity: string;
  readonly clock: Clock;
  readonly durations?: LeaseDurations;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly metrics?: Metrics;
}

/** One stay in office. */
export interface LeaseTerm {
  /** Grows with every change of holder; two terms never have the same. */
  readonly transitions: number;
  /** Whether the lease is ours for certain at this moment, also if timers are late. */
  held(): boolean;
}

/**
 * Waits for the lease, runs `run` while it is held, and gives it back. When it cannot be renewed the
 * signal of `run` aborts before anybody else could take it; `run` must then end, and the wait begins
 * anew. Resolves when `run` ends by itself or `signal` aborts; rejects with what `run` throws.
 */
export async function runWithLease(
  options: LeaseOptions,
  run: (signal: AbortSignal, term: LeaseTerm) => Promise<void>,
): Promise<void> {
  const { signal, log, name, identity } = options;
  const candidate = new Candidate(options);
  const observe = options.metrics && leaseObserver(options.metrics, name);
  while (!signal.aborted) {
    if (!(await candidate.untilAcquired())) return;
    log.info({ lease: name, identity, transitions: candidate.transitions }, 'lease acquired');
    observe?.(true);
    const lost = await candidate.hold(run).finally(() => observe?.(false));
    if (!lost) return;
    log.warn({ lease: name, identity }, 'lease lost');
  }
}

interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** A release at the end must not hold up the exit. */
const releaseTimeoutMs = 3_000;

class Candidate {
  readonly #options: LeaseOptions;
  readonly #durations: LeaseDurations;
  /** The lease as it was last seen, and when we first saw it so, by our own clock. */
  #seen: Lease | undefined;
  #seenAtMs = 0;
  /** Until when nobody can have taken it from us. */
  #heldUntilMs = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#durations = options.durations ?? defaultLeaseDurations;
    const { leaseMs, renewDeadlineMs, retryMs } = this.#durations;
    if (!(leaseMs > renewDeadlineMs && renewDeadlineMs > retryMs)) {
      throw new TypeError('a lease must outlast its renew deadline, and that its retries');
    }
  }

  get transitions(): number {
    return this.#seen?.spec?.leaseTransitions ?? 0;
  }

  /** False when the signal aborted first. */
  async untilAcquired(): Promise<boolean> {
    const { clock, signal, log, name } = this.#options;
    while (!signal.aborted) {
      try {
        if (await this.#tryAcquireOrRenew(signal)) return true;
      } catch (error) {
        if (!signal.aborted)
          log[retryLevel(error)]({ lease: name, err: error }, 'lease not taken, retrying');
      }
      await clock.sleep(this.#durations.retryMs, signal).catch(() => {}); // Aborted: loop ends.
    }
    return false;
  }

  /** Runs while renewing; true when the lease was lost, false when `run` or the caller ended. */
  async hold(run: (signal: AbortSignal, term: LeaseTerm) => Promise<void>): Promise<boolean> {
    const { clock, signal } = this.#options;
    const stop = new AbortController();
    longLived(stop.signal);
    const onAbort = () => stop.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const term = {
      transitions: this.transitions,
      held: () => !stop.signal.aborted && clock.now() < this.#heldUntilMs,
    };
    const renewing = this.#renewUntilLost(stop);
    try {
      await run(stop.signal, term);
    } catch (error) {
      // What `run` throws because it was told to stop is not its failure.
      if (!stop.signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      const lost = stop.signal.reason === lostLease;
      stop.abort();
      await renewing;
      if (!lost) await this.#release();
    }
    return stop.signal.reason === lostLease;
  }

  async #renewUntilLost(stop: AbortController): Promise<void> {
    const { clock, log, name } = this.#options;
    const deadline = this.#abortAtDeadline(stop);
    while (!stop.signal.aborted) {
      await clock.sleep(this.#durations.retryMs, stop.signal).catch(() => {}); // Loop ends.
      if (stop.signal.aborted) break;
      try {
        if (!(await this.#renew(stop.signal)) && !this.#isOurs()) stop.abort(lostLease);
      } catch (error) {
        if (!stop.signal.aborted)
          log[retryLevel(error)]({ lease: name, err: error }, 'lease not renewed');
      }
    }
    await deadline;
  }

  /** Separate from the renewing, which may hang in a call. */
  async #abortAtDeadline(stop: AbortController): Promise<void> {
    const { clock } = this.#options;
    while (!stop.signal.aborted) {
      const leftMs = this.#heldUntilMs - clock.now();
      if (leftMs <= 0) stop.abort(lostLease);
      else await clock.sleep(leftMs, stop.signal).catch(() => {}); // Aborted: loop ends.
    }
  }

  #isOurs(): boolean {
    return this.#seen?.spec?.holderIdentity === this.#options.identity;
  }

  /** Writes upon what we last saw; reads only when that was overtaken. Source: client-go's fast path. */
  async #renew(signal: AbortSignal): Promise<boolean> {
    if (this.#seen === undefined || !this.#isOurs()) return this.#tryAcquireOrRenew(signal);
    const startedMs = this.#options.clock.now();
    try {
      if (await this.#write('update', this.#claim(this.#seen), startedMs, signal)) return true;
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
    return this.#tryAcquireOrRenew(signal);
  }

  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, clock, name, namespace, identity } = this.#options;
    const startedMs = clock.now();
    let lease: Lease;
    try {
      lease = await client.get<Lease>(leases, { namespace, name }, { signal });
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
      return this.#write('create', this.#claim(undefined), startedMs, signal);
    }
    this.#observe(lease);
    const holder = lease.spec?.holderIdentity ?? '';
    const leaseMs = (lease.spec?.leaseDurationSeconds ?? this.#durations.leaseMs / 1000) * 1000;
    if (holder !== '' && holder !== identity && clock.now() < this.#seenAtMs + leaseMs) {
      return false;
    }
    return this.#write('update', this.#claim(lease), startedMs, signal);
  }

  /** Waiting counts from when the record last changed before our eyes; clocks are never compared. */
  #observe(lease: Lease): void {
    if (this.#seen?.metadata.resourceVersion !== lease.metadata.resourceVersion) {
      this.#seenAtMs = this.#options.clock.now();
    }
    this.#seen = lease;
  }

  #claim(before: Lease | undefined): Lease {
    const { clock, name, namespace, identity } = this.#options;
    const now = microTime(clock.now());
    const ours = before?.spec?.holderIdentity === identity;
    const transitions = before?.spec?.leaseTransitions ?? 0;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: before?.metadata ?? { name, namespace },
      spec: {
        ...before?.spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#durations.leaseMs / 1000),
        acquireTime: ours ? (before.spec?.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: before === undefined || ours ? transitions : transitions + 1,
      },
    };
  }

  async #write(
    verb: 'create' | 'update',
    lease: Lease,
    startedMs: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { client } = this.#options;
    try {
      const written = await (verb === 'create'
        ? client.create<Lease>(leases, lease, { signal })
        : client.update<Lease>(leases, lease, { signal }));
      this.#observe(written);
    } catch (error) {
      if (hasReason(error, 'Conflict', 'AlreadyExists')) return false;
      throw error;
    }
    // Counted from before the request: whoever saw our write saw it later than that.
    this.#heldUntilMs = startedMs + this.#durations.renewDeadlineMs;
    return true;
  }

  /** Lets the next candidate in at once; if it fails the lease runs out by itself. */
  async #release(): Promise<void> {
    const { client, clock, log, name } = this.#options;
    const lease = this.#seen;
    if (lease === undefined || !this.#isOurs()) return;
    const released: Lease = {
      ...lease,
      spec: {
        ...lease.spec,
        holderIdentity: '',
        leaseDurationSeconds: 1,
        renewTime: microTime(clock.now()),
      },
    };
    this.#heldUntilMs = 0;
    try {
      const signal = AbortSignal.timeout(releaseTimeoutMs);
      this.#observe(await client.update<Lease>(leases, released, { signal }));
    } catch (error) {
      const reason = error instanceof StatusError ? error.reason : 'Timeout';
      log.warn({ lease: name, reason }, 'lease not released');
    }
  }
}

/** The reason of a signal that aborts because the lease is gone. */
const lostLease = new Error('the lease was lost');

/** RFC 3339 with six decimals, as coordination.k8s.io has it. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
