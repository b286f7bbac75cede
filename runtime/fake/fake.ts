import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import { Subject } from '../../lib/rx.ts';
import {
  type ContainerSpec,
  type InstanceId,
  type InstanceStatus,
  type PullOptions,
  type Runtime,
  RuntimeError,
  type RuntimeName,
} from '../runtime.ts';
import type { ContainerUsage } from '../usage.ts';
import { FakeRuntime } from './driver.ts';
import type { FakeInstance } from './instance.ts';
import { type FakeProgram, sleeper } from './process.ts';

export interface FakeEngineOptions {
  readonly clock: Clock;
  /** By the first word of a command; a container without a command sleeps. */
  readonly programs?: Readonly<Record<string, FakeProgram>>;
  /** Images that are present from the start. */
  readonly images?: readonly string[];
  /** Images that a pull finds. */
  readonly registry?: readonly string[];
  /** What the runtimes over this engine call themselves. @default 'fake' */
  readonly name?: RuntimeName;
}

type FailingCall =
  | 'info'
  | 'list'
  | 'get'
  | 'ensureImage'
  | 'imageInfo'
  | 'listImages'
  | 'diskUsage'
  | 'removeImage'
  | 'ensure'
  | 'stop'
  | 'remove'
  | 'stats';

/** An engine in memory that outlives the drivers made from it, with knobs for tests. */
export class FakeEngine {
  readonly options: FakeEngineOptions;
  readonly programs: Record<string, FakeProgram>;
  readonly images: Set<string>;
  readonly registry: Set<string>;
  /** `user:password` that the registry wants for an image. */
  readonly registryUsers = new Map<string, string>();
  /** How long pulls of an image take. */
  readonly slowPulls = new Map<string, number>();
  /** Whom images run as; root where nothing is said. */
  readonly imageUsers = new Map<string, string>();
  /** Every changing call in order: `ensure u1`, `stop u1 30000`, `remove u1 0`, `pull app:1`. */
  readonly calls: string[] = [];
  readonly instances = new Map<string, FakeInstance>();
  /** What running containers of that name use; 1 MiB and no CPU where nothing is said. */
  readonly usage = new Map<string, Pick<ContainerUsage, 'cpuNanos' | 'workingSetBytes'>>();
  /** What containers of that name have written. */
  readonly written = new Map<string, number>();
  readonly changes = new Subject<{ readonly nodeId: string; readonly id: InstanceId }>();
  readonly #failures = new Map<string, RuntimeError[]>();
  readonly #startFailures = new Map<string, string>();
  readonly #lies = new Map<InstanceId, InstanceStatus | undefined>();
  /** Emits whenever the engine is back after it was away. */
  readonly returns = new Subject<void>();
  #slowMs = 0;
  #made = 0;
  #away = false;

  constructor(options: FakeEngineOptions) {
    this.options = options;
    this.programs = { ...options.programs };
    this.images = new Set(options.images);
    this.registry = new Set(options.registry);
  }

  /** A driver over this engine, as one agent has it. */
  runtime(nodeId: string): Runtime {
    return new FakeRuntime(this, nodeId);
  }

  /** Ends the newest attempt of a container as if its process had ended so. */
  async exit(
    id: InstanceId,
    container: string,
    exitCode: number,
    oomKilled = false,
  ): Promise<void> {
    for (const instance of this.instances.values()) {
      if (instance.id !== id) continue;
      await instance.containers.get(container)?.at(-1)?.kill({ exitCode, oomKilled });
    }
  }

  /** The next call of that name throws `error`; several wait in line. */
  failNext(call: FailingCall, error: RuntimeError): void {
    this.#failures.set(call, [...(this.#failures.get(call) ?? []), error]);
  }

  /** Containers of that name cannot be started until `message` is taken back with `undefined`. */
  failStart(container: string, message: string | undefined): void {
    if (message === undefined) this.#startFailures.delete(container);
    else this.#startFailures.set(container, message);
  }

  /** Every call takes this long from now on. */
  slow(ms: number): void {
    this.#slowMs = ms;
  }

  /** Every call is `Unavailable` while it is away, and nothing is observed; what runs goes on. */
  setAway(away: boolean): void {
    this.#away = away;
    if (!away) this.returns.next();
  }

  /** The next `get` of `id` answers `status`, whatever is true. */
  lieOnce(id: InstanceId, status: InstanceStatus | undefined): void {
    this.#lies.set(id, status);
  }

  /** @internal Throws while it is away. */
  checkReachable(): void {
    if (this.#away) throw new RuntimeError('Unavailable', 'the fake engine cannot be reached');
  }

  /** @internal Says that something of an instance has changed, to whoever can hear it. */
  tell(nodeId: string, id: InstanceId): void {
    if (!this.#away) this.changes.next({ nodeId, id });
  }

  /** @internal Applies the knobs; what every driver call begins with. */
  async enter(call: FailingCall, { signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    this.checkReachable();
    if (this.#slowMs > 0) await this.options.clock.sleep(this.#slowMs, signal);
    const [failure, ...rest] = this.#failures.get(call) ?? [];
    this.#failures.set(call, rest);
    if (failure !== undefined) throw failure;
  }

  /** @internal What a registry does before it answers. */
  async pulling(image: string, { signal, auth, progress }: PullOptions): Promise<void> {
    const wanted = this.registryUsers.get(image);
    if (wanted !== undefined && wanted !== `${auth?.username}:${auth?.password}`) {
      throw new RuntimeError('ImagePullFailed', `pull access denied for ${image}`);
    }
    const slowMs = this.slowPulls.get(image);
    if (slowMs === undefined) return;
    progress?.({ doneBytes: 1 << 20, totalBytes: 4 << 20 });
    await this.options.clock.sleep(slowMs, signal);
  }

  /** @internal */
  takeLie(id: InstanceId): { readonly status: InstanceStatus | undefined } | undefined {
    if (!this.#lies.has(id)) return undefined;
    const status = this.#lies.get(id);
    this.#lies.delete(id);
    return { status };
  }

  /** @internal The program a container runs, or the reason why it cannot start. */
  programOf(container: ContainerSpec): FakeProgram {
    const failure = this.#startFailures.get(container.name);
    const options = { container: container.name };
    if (failure !== undefined) throw new RuntimeError('StartFailed', failure, options);
    const missing = container.mounts.find((mount) => mount.hostPath === '/nonexistent');
    if (missing !== undefined) {
      throw new RuntimeError('InvalidSpec', `no such path: ${missing.hostPath}`, options);
    }
    const word = container.command?.[0];
    if (word === undefined) return sleeper;
    const program = this.programs[word];
    if (program !== undefined) return program;
    throw new RuntimeError('StartFailed', `exec: "${word}": executable file not found`, options);
  }

  /** @internal */
  nextNumber(): number {
    this.#made += 1;
    return this.#made;
  }
}
