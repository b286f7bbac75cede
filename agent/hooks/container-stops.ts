/** Ends single containers: the `preStop` hook, then SIGTERM, then SIGKILL, all within the grace period. */
import type { EventRecorder } from '../../client/events.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { underAny } from '../../lib/under-any.ts';
import type { ContainerTarget } from '../probes/target.ts';
import { runHook } from './run-hook.ts';

/** What is left for SIGTERM however long the hook took. Source: kubelet, minimum grace period. */
const graceMinMs = 2_000;
/** How soon a container that could not be stopped is tried again. */
const retryMs = 5_000;

export interface ContainerStopsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
}

interface Task {
  readonly uid: string;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

interface PreStop extends Task {
  readonly startedAtMs: number;
}

export class ContainerStops {
  readonly #options: ContainerStopsOptions;
  /** Both by container id. A hook outlives the call that began it, so that it never runs twice. */
  readonly #preStops = new Map<string, PreStop>();
  readonly #kills = new Map<string, Task>();
  readonly #tasks = new Set<Promise<void>>();

  constructor(options: ContainerStopsOptions) {
    this.#options = options;
  }

  /** Begins to end it and returns at once; nothing more if that is under way. `message` is told. */
  kill(target: ContainerTarget, graceMs: number, message: string): void {
    const { containerId, uid, pod } = target;
    if (this.#kills.has(containerId)) return;
    const { events } = this.#options;
    events.recordEvent({ involvedObject: pod, type: 'Normal', reason: 'Killing', message });
    const stop = new AbortController();
    const ended = this.#kill(target, Math.max(graceMs, graceMinMs), stop.signal);
    this.#kills.set(containerId, { uid, stop, ended: this.#own(ended) });
  }

  /** Resolves when it has ended; takes over from `kill`. Without grace its hook is left out. */
  async stop(target: ContainerTarget, graceMs: number, { signal }: CallOptions): Promise<void> {
    const { containerId } = target;
    this.#kills.get(containerId)?.stop.abort();
    this.#kills.delete(containerId);
    await this.#end(target, graceMs, signal);
  }

  /** Gives up everything about a pod. */
  drop(uid: string): void {
    this.keepKills(uid, new Set());
  }

  /** Gives up everything about a pod but `kill` of containers that run, by container id. */
  keepKills(uid: string, running: ReadonlySet<string>): void {
    const giveUp = (tasks: Map<string, Task>, keep: { has(containerId: string): boolean }) => {
      for (const [containerId, task] of tasks) {
        if (task.uid !== uid || keep.has(containerId)) continue;
        task.stop.abort();
        tasks.delete(containerId);
      }
    };
    giveUp(this.#kills, running);
    giveUp(this.#preStops, this.#kills);
  }

  /** Gives up everything; resolves when nothing is under way. */
  async close(): Promise<void> {
    for (const { uid } of [...this.#kills.values(), ...this.#preStops.values()]) this.drop(uid);
    await Promise.all(this.#tasks);
  }

  async #kill(target: ContainerTarget, graceMs: number, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const { uid, container } = target;
    while (!signal.aborted) {
      try {
        await this.#end(target, graceMs, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ uid, container: container.name, err: error }, 'container not stopped');
      }
      await clock.sleep(retryMs, signal).catch(() => undefined);
    }
  }

  async #end(target: ContainerTarget, graceMs: number, signal: AbortSignal): Promise<void> {
    const { runtime, uid, containerId } = target;
    const restMs = graceMs > 0 ? await this.#awaitPreStop(target, graceMs, signal) : 0;
    this.#preStops.get(containerId)?.stop.abort();
    await runtime.stop(uid, { containerId, graceMs: restMs, signal });
  }

  /** Waits for the hook as long as the grace period lasts; what is left of it. */
  async #awaitPreStop(
    target: ContainerTarget,
    graceMs: number,
    signal: AbortSignal,
  ): Promise<number> {
    const { clock } = this.#options;
    const hook = this.#preStops.get(target.containerId) ?? this.#beginPreStop(target);
    if (hook === undefined) return graceMs;
    const waiting = new AbortController();
    const untilMs = hook.startedAtMs + graceMs;
    await underAny([signal, waiting.signal], async (any) => {
      const late = clock.sleep(Math.max(0, untilMs - clock.now()), any);
      try {
        await Promise.race([hook.ended, late]);
      } finally {
        waiting.abort();
        late.catch(() => undefined);
      }
    });
    return Math.max(untilMs - clock.now(), graceMinMs);
  }

  #beginPreStop(target: ContainerTarget): PreStop | undefined {
    const handler = target.container.lifecycle?.preStop;
    if (handler === undefined) return undefined;
    const { clock, log, events } = this.#options;
    const { uid, container, containerId, pod } = target;
    const stop = new AbortController();
    const ended = runHook(handler, target, clock, { signal: stop.signal }).catch((error) => {
      log.info({ uid, container: container.name, err: error }, 'preStop hook failed');
      // Its output may hold secrets and is not told.
      const message = 'PreStopHook failed';
      events.recordEvent({
        involvedObject: pod,
        type: 'Warning',
        reason: 'FailedPreStopHook',
        message,
      });
    });
    const hook = { uid, startedAtMs: clock.now(), stop, ended: this.#own(ended) };
    this.#preStops.set(containerId, hook);
    return hook;
  }

  #own(task: Promise<void>): Promise<void> {
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
    return task;
  }
}
