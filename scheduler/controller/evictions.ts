/**
 * Removes the victims of preemption, in the background: under the term of the lease, so that a scheduler which has lost
 * it removes nobody, told why by a condition and an event, and gracefully.
 */
import type { Pod } from '../../api/kinds.gen.ts';
import { type Status, StatusError } from '../../api/status.ts';
import { isVm } from '../../api/vm-instance.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { instanceKey } from '../../client/instance.ts';
import type { Log } from '../../lib/log.ts';
import type { Term } from './binder.ts';

/** Removals at the same time. */
const writersMax = 4;

export interface EvictionOptions {
  readonly client: Client;
  readonly log: Log;
  readonly term: Term;
  readonly events: EventRecorder;
  /** The victim is still there, and will not be removed: others are to be found. */
  readonly onFailed: (uid: string) => void;
}

export interface Eviction {
  readonly victim: Pod;
  /** For events: `Preempted by pod <uid> on node n1`. */
  readonly message: string;
  /** Whether a budget may keep it; false where it was chosen although one would. */
  readonly respectsBudget: boolean;
}

const path = '/apis/berth.dev/v1/preemptions';

interface PreemptionList {
  readonly items: readonly { readonly error?: Status }[];
}

export class Evictions {
  readonly #options: EvictionOptions;
  readonly #signal: AbortSignal;
  /** As many as there are victims, which are bound instances; each of them once. */
  readonly #waiting = new Map<string, Eviction>();
  readonly #writers = new Set<Promise<void>>();

  constructor(options: EvictionOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Returns at once. */
  evict(eviction: Eviction): void {
    this.#waiting.set(eviction.victim.metadata.uid ?? '', eviction);
    if (this.#writers.size >= writersMax) return;
    const writer = this.#drain().finally(() => this.#writers.delete(writer));
    this.#writers.add(writer);
  }

  /** Resolves when nothing is being removed any more. */
  async flush(): Promise<void> {
    while (this.#writers.size > 0) await Promise.all(this.#writers);
  }

  async #drain(): Promise<void> {
    for (const [uid, eviction] of this.#waiting) {
      if (this.#signal.aborted) return;
      this.#waiting.delete(uid);
      await this.#remove(uid, eviction);
    }
  }

  async #remove(uid: string, { victim, message, respectsBudget }: Eviction): Promise<void> {
    const { client, events, log, onFailed, term } = this.#options;
    const { namespace = '', name = '' } = victim.metadata;
    const signal = this.#signal;
    const resource = isVm(victim) ? 'vms' : 'pods';
    const budget = respectsBudget ? 'Respect' : 'Ignore';
    const item = { resource, namespace, name, uid, budget };
    const body = { apiVersion: 'berth.dev/v1', kind: 'PreemptionList', lease: term, items: [item] };
    try {
      const { items } = await client.post<PreemptionList>(path, body, { signal });
      const reason = items[0]?.error?.reason;
      if (reason === undefined) {
        events.recordEvent({
          involvedObject: victim,
          type: 'Normal',
          reason: 'Preempted',
          message,
        });
        return;
      }
      // Gone, or another instance under this name.
      if (reason === 'NotFound' || reason === 'Conflict') return;
      log.warn({ error: items[0]?.error, pod: instanceKey(victim) }, 'pod not preempted');
    } catch (error) {
      // The term is over, though nobody has told us yet: whoever comes next decides anew.
      const isOver = error instanceof StatusError && (error.code === 409 || error.code === 403);
      if (signal.aborted || isOver) return;
      log.warn({ err: error, pod: instanceKey(victim) }, 'pod not preempted');
    }
    onFailed(uid);
  }
}
