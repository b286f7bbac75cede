/** Tells a pod why it waits: the condition PodScheduled=False, written in the background and only when it changed. */
import type { Pod, PodCondition } from '../../api/kinds.gen.ts';
import type { JsonObject } from '../../api/meta.ts';
import { hasReason } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { resourceOf } from '../../client/instance.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { isBound } from './cluster.ts';

/** Writes at the same time. */
const writersMax = 4;

export interface VerdictOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  /** What is known of the instance of that key. */
  readonly find: (key: string) => Pod | undefined;
  readonly events: EventRecorder;
}

export interface Verdict {
  readonly uid: string;
  readonly message: string;
  /** Default `Unschedulable`. */
  readonly reason?: string | undefined;
  /** A node where room is being made for it. */
  readonly nominatedNodeName?: string | undefined;
}

export class Verdicts {
  readonly #options: VerdictOptions;
  readonly #signal: AbortSignal;
  /** The newest verdict of each pod that is not yet written. */
  readonly #waiting = new Map<string, Verdict>();
  readonly #writers = new Set<Promise<void>>();

  constructor(options: VerdictOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  /** Returns at once; of several verdicts about one pod the newest is written. */
  refuse(key: string, verdict: Verdict): void {
    this.#waiting.set(key, verdict);
    this.#startWriter();
  }

  /** The pod was bound after all. */
  withdraw(key: string): void {
    this.#waiting.delete(key);
  }

  /** Resolves when nothing waits to be written. */
  async flush(): Promise<void> {
    while (this.#writers.size > 0) await Promise.all(this.#writers);
  }

  #startWriter(): void {
    if (this.#writers.size >= writersMax || this.#signal.aborted) return;
    const writer = this.#drain().finally(() => {
      this.#writers.delete(writer);
      // What came between its last look and now would otherwise wait for the next verdict.
      if (this.#waiting.size > 0) this.#startWriter();
    });
    this.#writers.add(writer);
  }

  async #drain(): Promise<void> {
    await Promise.resolve(); // Lets the caller's other verdicts come in first.
    for (const [key, verdict] of this.#waiting) {
      if (this.#signal.aborted) return;
      this.#waiting.delete(key);
      await this.#write(key, verdict);
    }
  }

  async #write(key: string, verdict: Verdict): Promise<void> {
    const { uid, message } = verdict;
    const { client, log, find, events } = this.#options;
    const pod = find(key);
    if (pod === undefined || pod.metadata.uid !== uid || isBound(pod)) return;
    const patch = this.#patchOf(pod, verdict);
    if (patch === undefined) return;
    events.recordEvent({
      involvedObject: pod,
      type: 'Warning',
      reason: 'FailedScheduling',
      message,
    });
    try {
      const options = { subresource: 'status', type: 'merge', signal: this.#signal } as const;
      const { namespace = '', name = '' } = pod.metadata;
      await client.patch(resourceOf(pod), { namespace, name }, patch, options);
    } catch (error) {
      // Changed or gone meanwhile: the next refusal writes on top of what it is then.
      if (this.#signal.aborted || hasReason(error, 'Conflict', 'NotFound')) return;
      log.warn({ err: error, pod: key }, 'scheduling condition not written');
    }
  }

  /** A merge patch replaces the list, so it carries every condition, for the revision that they were read at. */
  #patchOf(pod: Pod, verdict: Verdict): JsonObject | undefined {
    const { message, reason = 'Unschedulable', nominatedNodeName } = verdict;
    const conditions = pod.status?.conditions ?? [];
    const before = conditions.find((condition) => condition.type === 'PodScheduled');
    const isTold =
      before?.status === 'False' && before.reason === reason && before.message === message;
    const isNominated = (pod.status?.nominatedNodeName || undefined) === nominatedNodeName;
    if (isTold && isNominated) return undefined;
    const now = `${new Date(this.#options.clock.now()).toISOString().slice(0, 19)}Z`;
    const after: PodCondition = {
      type: 'PodScheduled',
      status: 'False',
      lastTransitionTime: before?.status === 'False' ? (before.lastTransitionTime ?? now) : now,
      reason,
      message,
    };
    const others = conditions.filter((condition) => condition.type !== 'PodScheduled');
    const all = [...others, after].map((condition): JsonObject => ({ ...condition }));
    const { resourceVersion } = pod.metadata;
    const nominated = isNominated ? {} : { nominatedNodeName: nominatedNodeName ?? null };
    return { metadata: { resourceVersion }, status: { conditions: all, ...nominated } };
  }
}
