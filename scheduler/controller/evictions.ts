/** Removes the victims of preemption, in the background: told why by a condition and an event, and gracefully. */
import { formatTime } from '../../api/conditions.ts';
import type { Pod, PodCondition } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import { isVm } from '../../api/vm-instance.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { instanceKey, resourceOf } from '../../client/instance.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';

/** Removals at the same time. */
const writersMax = 4;

export interface EvictionOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
  /** The victim is still there, and will not be removed: others are to be found. */
  readonly onFailed: (uid: string) => void;
}

export interface Eviction {
  readonly victim: Pod;
  /** For events: `Preempted by pod <uid> on node n1`. */
  readonly message: string;
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
      // Whoever has lost its term removes nothing more.
      if (this.#signal.aborted) return;
      this.#waiting.delete(uid);
      await this.#remove(uid, eviction);
    }
  }

  async #remove(uid: string, { victim, message }: Eviction): Promise<void> {
    const { client, events, log, onFailed } = this.#options;
    const { namespace = '', name = '' } = victim.metadata;
    const key = { namespace, name };
    const signal = this.#signal;
    try {
      const patch = this.#conditionOf(victim);
      const status = { subresource: 'status', type: 'merge', signal } as const;
      if (patch !== undefined) await client.patch(resourceOf(victim), key, patch, status);
      await client.delete(resourceOf(victim), key, { signal, preconditions: { uid } });
      events.recordEvent({ involvedObject: victim, type: 'Normal', reason: 'Preempted', message });
    } catch (error) {
      if (signal.aborted || hasReason(error, 'NotFound')) return;
      // Another instance under this name: the victim is gone.
      if (hasReason(error, 'Conflict')) return;
      log.warn({ err: error, pod: instanceKey(victim) }, 'pod not preempted');
      onFailed(uid);
    }
  }

  /** Undefined for machines, whose conditions only their node writes. */
  #conditionOf(victim: Pod): JsonObject | undefined {
    if (isVm(victim)) return undefined;
    const condition: PodCondition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: 'berth-scheduler: preempting to accommodate a higher priority pod',
      lastTransitionTime: formatTime(this.#options.clock.now()),
    };
    const { type } = condition;
    const others = (victim.status?.conditions ?? []).filter((each) => each.type !== type);
    const conditions = [...others, condition].map((each): JsonObject => ({ ...each }));
    return { metadata: { uid: victim.metadata.uid }, status: { conditions } };
  }
}
