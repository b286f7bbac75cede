/** Follows containers from their start to their end: hooks, probes, and ending what fails them. */
import { setMaxListeners } from 'node:events';
import type { EventRecorder } from '../../client/events.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { InstanceStatus } from '../../runtime/runtime.ts';
import type { PodMemory } from '../pod/pod-memory.ts';
import { isInit, isSidecar, reportedStatus } from '../pod/pod-view.ts';
import { killGraceMsOf } from '../pod/wanted-state.ts';
import type { ContainerHealth } from '../probes/probe-state.ts';
import { Prober } from '../probes/prober.ts';
import { type ContainerTarget, type LocalPod, runningTargets } from '../probes/target.ts';
import { ContainerStops } from './container-stops.ts';
import { idleContainers, type PodHealth } from './pod-health.ts';
import { PostStarts } from './post-starts.ts';

export interface ContainerLifeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventRecorder;
  /** A pod must be looked at again. */
  readonly changed: (uid: string) => void;
}

export class ContainerLife {
  readonly #clock: Clock;
  readonly #prober: Prober;
  readonly #postStarts: PostStarts;
  readonly #stops: ContainerStops;

  constructor(options: ContainerLifeOptions) {
    this.#clock = options.clock;
    this.#prober = new Prober(options);
    this.#stops = new ContainerStops(options);
    this.#postStarts = new PostStarts({
      ...options,
      failed: (target) =>
        this.#stops.kill(target, killGraceMsOf(target.pod), 'FailedPostStartHook'),
    });
  }

  /** Begins with what runs now, gives up what does not, and ends what has failed a probe. */
  follow(local: LocalPod & { memory: PodMemory }, status: InstanceStatus | undefined): PodHealth {
    const { pod, uid, memory } = local;
    const targets = runningTargets(local, status).filter(
      ({ container }) => !isInit(pod, container.name) || isSidecar(pod, container.name),
    );
    const ids = new Set(targets.map((each) => each.containerId));
    this.#postStarts.drop(uid, ids);
    this.#stops.keepKills(uid, ids);
    const followed = targets.map((target) => ({ ...target, reported: reportedRunning(target) }));
    for (const target of followed) {
      // What the API was told to be running has had its hook.
      if (target.reported === undefined) this.#postStarts.begin(target);
    }
    const idle = idleContainers(status);
    const begun = followed.filter(
      ({ container: { name } }) => !idle.has(name) && !this.isStarting(uid, name),
    );
    const health = new Map<string, ContainerHealth | 'starting'>(this.#prober.follow(uid, begun));
    for (const target of targets) {
      const { name } = target.container;
      const found = health.get(name);
      if (found === undefined) health.set(name, 'starting');
      else if (found !== 'starting' && found.failed !== undefined) {
        memory.of(name).killedId = target.containerId;
        this.#kill(target, found.failed);
      }
    }
    return health;
  }

  /** Whether a container runs and its `postStart` hook has not succeeded; later ones wait for it. */
  isStarting(uid: string, name: string): boolean {
    return this.#postStarts.isPending(uid, name);
  }

  /** Ends all containers of a pod, each after its own hook; sidecars after all others, the last first. */
  async end(
    local: LocalPod,
    status: InstanceStatus,
    options: CallOptions & { readonly graceMs: number },
  ): Promise<void> {
    const { pod, uid, runtime } = local;
    const { graceMs, signal } = options;
    // Each container listens to it more than once.
    setMaxListeners(0, signal);
    this.#prober.drop(uid);
    this.#postStarts.drop(uid);
    const targets = runningTargets(local, status);
    const isBeside = ({ container }: ContainerTarget) => isSidecar(pod, container.name);
    const hasHook = targets.some(({ container }) => container.lifecycle?.preStop !== undefined);
    if (idleContainers(status).size > 0 && (hasHook || targets.some(isBeside))) {
      // Halted, none of them would hear it.
      await runtime.setPaused(uid, false, { signal });
    }
    if (targets.some(isBeside)) {
      await this.#endInOrder(
        [
          targets.filter((each) => !isBeside(each)),
          ...targets
            .filter(isBeside)
            .reverse()
            .map((each) => [each]),
        ],
        graceMs,
        signal,
      );
    } else if (hasHook) {
      await Promise.all(targets.map((each) => this.#stops.stop(each, graceMs, { signal })));
    }
    await runtime.stop(uid, { graceMs, signal });
    this.#stops.drop(uid);
  }

  /** One group after the other, all within the grace period. */
  async #endInOrder(
    groups: readonly (readonly ContainerTarget[])[],
    graceMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const untilMs = this.#clock.now() + graceMs;
    for (const group of groups) {
      const restMs = Math.max(0, untilMs - this.#clock.now());
      await Promise.all(group.map((each) => this.#stops.stop(each, restMs, { signal })));
    }
  }

  /** Gives up everything about a pod. */
  drop(uid: string): void {
    this.#prober.drop(uid);
    this.#postStarts.drop(uid);
    this.#stops.drop(uid);
  }

  /** Gives up everything; resolves when nothing is under way. */
  async close(): Promise<void> {
    await Promise.all([this.#prober.close(), this.#postStarts.close(), this.#stops.close()]);
  }

  #kill(target: ContainerTarget, failed: 'startup' | 'liveness'): void {
    const { pod, container } = target;
    const probe = failed === 'startup' ? container.startupProbe : container.livenessProbe;
    const own = probe?.terminationGracePeriodSeconds;
    const graceMs = own === undefined ? killGraceMsOf(pod) : own * 1000;
    const ends = pod.spec.restartPolicy === 'Never' && !isSidecar(pod, container.name);
    const again = ends ? '' : ', will be restarted';
    const message = `Container ${container.name} failed ${failed} probe${again}`;
    this.#stops.kill(target, graceMs, message);
  }
}

/** What the API says of this very container, where it says that it runs. */
function reportedRunning({ pod, container, containerId }: ContainerTarget) {
  const reported = reportedStatus(pod, container.name);
  const same = reported?.containerID === containerId && reported.state?.running !== undefined;
  return same ? reported : undefined;
}
