/** Runs `postStart` hooks; until one has succeeded its container does not count as running. */
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import type { ContainerTarget } from '../probes/target.ts';
import { runHook } from './run-hook.ts';

export interface PostStartsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
  readonly failed: (target: ContainerTarget) => void;
  /** A hook has ended. */
  readonly changed: (uid: string) => void;
}

interface Hook {
  readonly uid: string;
  readonly name: string;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  state: 'running' | 'done' | 'failed';
}

export class PostStarts {
  readonly #options: PostStartsOptions;
  /** By container id, as long as the container runs. */
  readonly #hooks = new Map<string, Hook>();
  readonly #tasks = new Set<Promise<void>>();

  constructor(options: PostStartsOptions) {
    this.#options = options;
  }

  /** Begins what has not begun. */
  begin(target: ContainerTarget): void {
    const { container, containerId, uid } = target;
    if (container.lifecycle?.postStart === undefined || this.#hooks.has(containerId)) return;
    const stop = new AbortController();
    const hook: Hook = {
      uid,
      name: container.name,
      stop,
      state: 'running',
      ended: Promise.resolve().then(() => this.#run(target, hook)),
    };
    this.#hooks.set(containerId, hook);
    this.#tasks.add(hook.ended);
    void hook.ended.finally(() => this.#tasks.delete(hook.ended));
  }

  /** Whether the container of that name runs and its hook has not succeeded. */
  isPending(uid: string, name: string): boolean {
    for (const hook of this.#hooks.values()) {
      if (hook.uid === uid && hook.name === name && hook.state !== 'done') return true;
    }
    return false;
  }

  /** Gives up and forgets what is about a pod except for `keep`, by container id. */
  drop(uid: string, keep: ReadonlySet<string> = new Set()): void {
    for (const [containerId, hook] of this.#hooks) {
      if (hook.uid !== uid || keep.has(containerId)) continue;
      hook.stop.abort();
      this.#hooks.delete(containerId);
    }
  }

  /** Gives up everything; resolves when nothing is under way. */
  async close(): Promise<void> {
    for (const { uid } of [...this.#hooks.values()]) this.drop(uid);
    await Promise.all(this.#tasks);
  }

  async #run(target: ContainerTarget, hook: Hook): Promise<void> {
    const { clock, log, events, failed, changed } = this.#options;
    const { container, pod, uid } = target;
    const { signal } = hook.stop;
    try {
      await runHook(container.lifecycle?.postStart ?? {}, target, clock, { signal });
      hook.state = 'done';
    } catch (error) {
      if (signal.aborted) return;
      hook.state = 'failed';
      log.info({ uid, container: container.name, err: error }, 'postStart hook failed');
      // Its output may hold secrets and is not told.
      const message = 'PostStartHook failed';
      events.recordEvent({
        involvedObject: pod,
        type: 'Warning',
        reason: 'FailedPostStartHook',
        message,
      });
      failed(target);
    }
    changed(uid);
  }
}
