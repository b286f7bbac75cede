/** One serial worker per pod, so many at once over all; whoever fails is tried again with backoff. */
import type { Pod } from '../api/kinds.gen.ts';
import { pods } from '../api/resources.gen.ts';
import { createWorkQueue, type WorkQueue } from '../client/work-queue.ts';
import type { CallOptions } from '../lib/call.ts';
import type { Random } from '../lib/random.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { DesiredChange, DesiredPods } from './desired-pods.ts';
import type { PodDeps } from './pod-context.ts';
import { PodMemory } from './pod-memory.ts';
import { syncPod } from './pod-sync.ts';
import { removePodDirectory } from './volumes.ts';

/** Pods that are worked on at the same time. */
const concurrency = 16;

/** An instance whose pod vanished without a deletion had no grace to begin with. */
const orphanGraceMs = 2_000;

export interface PodWorkersOptions extends PodDeps {
  readonly desired: DesiredPods;
  readonly runtimes: readonly Runtime[];
  readonly random: Random;
}

export class PodWorkers {
  readonly #options: PodWorkersOptions;
  readonly #queue: WorkQueue;
  readonly #memories = new Map<string, PodMemory>();
  readonly #running = new Map<string, AbortController>();

  constructor(options: PodWorkersOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#queue = createWorkQueue({ clock, random, baseMs: 200, maxMs: 30_000, jitter: 0.2 });
  }

  add(uid: string): void {
    this.#queue.add(uid);
  }

  /** Looks at a pod whose wish has changed; gives up what is no longer wanted. */
  changed({ uid, urgent }: DesiredChange): void {
    this.#queue.add(uid);
    if (urgent) this.#running.get(uid)?.abort(new Error('superseded'));
  }

  /** Resolves when `signal` has aborted and all workers have ended. */
  async run({ signal }: CallOptions): Promise<void> {
    signal.addEventListener('abort', () => this.#queue.shutDown(), { once: true });
    await Promise.all(Array.from({ length: concurrency }, () => this.#work(signal)));
  }

  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const uid = await this.#queue.get({ signal }).catch(() => undefined);
      if (uid === undefined) return;
      await this.#once(uid, signal);
    }
  }

  async #once(uid: string, signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#options;
    const controller = new AbortController();
    this.#running.set(uid, controller);
    try {
      const dueAtMs = await this.#sync(uid, AbortSignal.any([signal, controller.signal]));
      this.#queue.forget(uid);
      if (dueAtMs !== undefined) this.#queue.addAfter(uid, Math.max(0, dueAtMs - clock.now()));
    } catch (error) {
      // Superseded: the change that did it has queued the pod again.
      if (!controller.signal.aborted && !signal.aborted) {
        const delayMs = this.#queue.addRateLimited(uid);
        log.warn({ uid, err: error, delayMs }, 'pod not synced');
      }
    } finally {
      this.#running.delete(uid);
      this.#queue.done(uid);
    }
  }

  async #sync(uid: string, signal: AbortSignal): Promise<number | undefined> {
    const { desired } = this.#options;
    const wish = desired.get(uid);
    switch (wish.type) {
      case 'unknown':
        return undefined;
      case 'gone':
        await this.#removeOrphan(uid, signal);
        return undefined;
      case 'pod': {
        const memory = this.#memories.get(uid) ?? new PodMemory();
        this.#memories.set(uid, memory);
        const result = await syncPod(this.#options, wish.pod, memory, { signal });
        if (result.written !== undefined) desired.wrote(result.written);
        return result.dueAtMs;
      }
    }
  }

  async #removeOrphan(uid: string, signal: AbortSignal): Promise<void> {
    const { runtimes, dataDir, log } = this.#options;
    for (const runtime of runtimes) {
      const found = await runtime.get(uid, { signal });
      if (found === undefined) continue;
      // A cache is no reason to destroy: the API is asked once more.
      if (await this.#isKnown(uid, signal)) return;
      await runtime.remove(uid, { graceMs: orphanGraceMs, signal });
      const { namespace, name } = found;
      log.info({ uid, namespace, name, runtime: runtime.name }, 'orphan removed');
    }
    await removePodDirectory(dataDir, uid);
    this.#memories.delete(uid);
  }

  async #isKnown(uid: string, signal: AbortSignal): Promise<boolean> {
    const { client, facts } = this.#options;
    const fieldSelector = `spec.nodeName=${facts.nodeName}`;
    const { items } = await client.list<Pod>(pods, { fieldSelector, signal });
    return items.some((pod) => pod.metadata.uid === uid);
  }
}
