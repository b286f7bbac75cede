/** One serial worker per pod, so many at once over all; whoever fails is tried again with backoff. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { KubeObject } from '../../api/meta.ts';
import { pods, vms } from '../../api/resources.gen.ts';
import { retryLevel } from '../../client/retry-level.ts';
import { createWorkQueue, type WorkQueue } from '../../client/work-queue.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Random } from '../../lib/random.ts';
import { Slots } from '../../lib/slots.ts';
import { createTracer } from '../../lib/trace.ts';
import { underAny } from '../../lib/under-any.ts';
import { type Runtime, RuntimeError } from '../../runtime/runtime.ts';
import { podDirectories, removePodDirectory } from '../files/volumes.ts';
import { ContainerLife } from '../hooks/container-life.ts';
import { ImagePulls } from '../images/image-pulls.ts';
import { PodMemory } from '../pod/pod-memory.ts';
import type { DesiredChange, DesiredPods } from './desired-pods.ts';
import type { PodDeps } from './pod-context.ts';
import { syncPod } from './pod-sync.ts';

/** Pods that are worked on at the same time; more than a node has. */
const workersMax = 256;

/** Of these, so many use one engine at once; who only waits for a grace or a pull is not counted. */
const slotsMax = 16;

/** An instance whose pod vanished without a deletion had no grace to begin with. */
const orphanGraceMs = 2_000;

const tracer = createTracer('berth/agent');

export interface PodWorkersOptions extends Omit<PodDeps, 'aside' | 'life' | 'images'> {
  readonly desired: DesiredPods;
  readonly runtimes: readonly Runtime[];
  readonly random: Random;
}

export class PodWorkers {
  readonly #options: PodWorkersOptions;
  readonly #queue: WorkQueue;
  readonly #memories = new Map<string, PodMemory>();
  readonly #running = new Map<string, AbortController>();
  /** Pods whose instance changed while they were worked on. */
  readonly #stirred = new Set<string>();
  /** By the name of the runtime: an engine that hangs holds up its own instances only. */
  readonly #slots = new Map<string, Slots>();
  readonly #life: ContainerLife;
  readonly #images = new ImagePulls();

  constructor(options: PodWorkersOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#life = new ContainerLife({ ...options, changed: (uid) => this.add(uid) });
    this.#queue = createWorkQueue({ clock, random, baseMs: 200, maxMs: 30_000, jitter: 0.2 });
  }

  add(uid: string): void {
    this.#queue.add(uid);
  }

  /**
   * Something has happened to a pod's instance. A pod that waits after a failure goes on waiting:
   * what its own failing tries leave behind at the engine must not be the reason for the next one.
   */
  stirred(uid: string): void {
    if (this.#running.has(uid)) this.#stirred.add(uid);
    else if (this.#queue.failures(uid) === 0) this.#queue.add(uid);
  }

  /** What the files of a pod's volumes come from has changed. */
  volumesChanged(uid: string): void {
    this.#memoryOf(uid).sourceChanges += 1;
    this.#queue.add(uid);
  }

  /** Ends a pod for good; its status says why. */
  evict(uid: string, why: string): void {
    this.#memoryOf(uid).eviction = why;
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
    try {
      await Promise.all(Array.from({ length: workersMax }, () => this.#work(signal)));
    } finally {
      await this.#life.close();
    }
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
      const slots = this.#slotsOf(uid);
      const dueAtMs = await underAny([signal, controller.signal], (any) =>
        slots.hold(() => this.#sync(uid, slots, any), { signal: any }),
      );
      this.#queue.forget(uid);
      if (this.#stirred.has(uid)) this.#queue.add(uid);
      if (dueAtMs !== undefined) this.#queue.addAfter(uid, Math.max(0, dueAtMs - clock.now()));
    } catch (error) {
      // Superseded: the change that did it has queued the pod again.
      if (!controller.signal.aborted && !signal.aborted) {
        const delayMs = this.#queue.addRateLimited(uid);
        log[retryLevel(error)]({ uid, err: error, delayMs }, 'pod not synced');
        this.#tellUnavailable(uid, error);
      }
    } finally {
      this.#running.delete(uid);
      this.#stirred.delete(uid);
      this.#queue.done(uid);
    }
  }

  #slotsOf(uid: string): Slots {
    const wish = this.#options.desired.get(uid);
    const runtime = wish.type === 'pod' ? this.#options.runtimeOf(wish.pod) : undefined;
    const name = runtime?.name ?? '';
    const slots = this.#slots.get(name) ?? new Slots(slotsMax);
    this.#slots.set(name, slots);
    return slots;
  }

  #tellUnavailable(uid: string, error: unknown): void {
    const { desired, events } = this.#options;
    const wish = desired.get(uid);
    if (wish.type !== 'pod' || !(error instanceof RuntimeError)) return;
    if (error.reason !== 'Unavailable') return;
    const { message } = error;
    const about = { involvedObject: wish.pod, type: 'Warning' } as const;
    events.recordEvent({ ...about, reason: 'FailedSync', message });
  }

  async #sync(uid: string, slots: Slots, signal: AbortSignal): Promise<number | undefined> {
    const { desired } = this.#options;
    const wish = desired.get(uid);
    switch (wish.type) {
      case 'unknown':
        return undefined;
      case 'gone':
        this.#life.drop(uid);
        await this.#removeOrphan(uid, signal);
        return undefined;
      case 'pod': {
        const memory = this.#memoryOf(uid);
        const aside = <T>(task: () => Promise<T>) => slots.aside(task);
        const deps: PodDeps = { ...this.#options, life: this.#life, images: this.#images, aside };
        return tracer.inSpan('syncPod', podAttributes(wish.pod), async () => {
          const result = await syncPod(deps, wish.pod, memory, { signal });
          if (result.written !== undefined) desired.wrote(result.written);
          if (result.failure !== undefined) throw result.failure;
          return result.dueAtMs;
        });
      }
    }
  }

  #memoryOf(uid: string): PodMemory {
    const memory = this.#memories.get(uid) ?? new PodMemory();
    this.#memories.set(uid, memory);
    return memory;
  }

  async #removeOrphan(uid: string, signal: AbortSignal): Promise<void> {
    const { runtimes, dataDir, volumes, cni, log } = this.#options;
    let sure = false;
    // A cache is no reason to destroy: the API is asked once more.
    const isWanted = async () => {
      if (!sure && (await this.#isKnown(uid, signal))) return true;
      sure = true;
      return false;
    };
    for (const runtime of runtimes) {
      const found = await runtime.get(uid, { signal });
      if (found === undefined) continue;
      if (await isWanted()) return;
      await runtime.remove(uid, { graceMs: orphanGraceMs, signal });
      const { namespace, name } = found;
      log.info({ uid, namespace, name, runtime: runtime.name }, 'orphan removed');
    }
    if ((await volumes.holders()).includes(uid)) {
      if (await isWanted()) return;
      await volumes.release(uid, { signal });
    }
    if ((await cni?.holders())?.includes(uid) === true) {
      if (await isWanted()) return;
      await cni?.detach(uid, { signal });
    }
    if ((await podDirectories(dataDir)).includes(uid)) {
      if (await isWanted()) return;
      await removePodDirectory(dataDir, uid, { signal });
    }
    this.#memories.delete(uid);
  }

  async #isKnown(uid: string, signal: AbortSignal): Promise<boolean> {
    const { client, facts } = this.#options;
    const fieldSelector = `spec.nodeName=${facts.nodeName}`;
    const lists = await Promise.all(
      [pods, vms].map((each) => client.list<KubeObject>(each, { fieldSelector, signal })),
    );
    return lists.some(({ items }) => items.some(({ metadata }) => metadata.uid === uid));
  }
}

/** Source: OpenTelemetry's semantic conventions for Kubernetes. */
function podAttributes({ metadata: { namespace = '', name = '', uid = '' } }: Pod) {
  return { 'k8s.namespace.name': namespace, 'k8s.pod.name': name, 'k8s.pod.uid': uid };
}
