import { PassThrough } from 'node:stream';
import { Observable, Subject } from 'rxjs';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ImageStore } from '../image-store.ts';
import {
  type AttachOptions,
  type AttachSession,
  type ContainerSpec,
  type CpuChoice,
  type ExecOptions,
  type ExecSession,
  type ImageInfo,
  type ImagePullPolicy,
  type InstanceId,
  type InstanceSpec,
  type InstanceStatus,
  type LogChunk,
  type LogOptions,
  type PullOptions,
  type Runtime,
  RuntimeError,
  type RuntimeInfo,
  type RuntimeName,
  type StopOptions,
} from '../runtime.ts';
import { KeyedSerial } from '../serial.ts';
import type { ContainerUsage, InstanceUsage } from '../usage.ts';
import { type FakeInstance, statusOf, usageOf } from './instance.ts';
import { aborted, FakeContainer, type FakeProgram, sleeper } from './process.ts';

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
  #slowMs = 0;
  #made = 0;

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

  /** The next `get` of `id` answers `status`, whatever is true. */
  lieOnce(id: InstanceId, status: InstanceStatus | undefined): void {
    this.#lies.set(id, status);
  }

  /** @internal Applies the knobs; what every driver call begins with. */
  async enter(call: FailingCall, { signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
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

class FakeRuntime implements Runtime {
  readonly name: RuntimeName;
  readonly gaps = ['adoption'] as const;
  readonly #engine: FakeEngine;
  readonly #nodeId: string;
  readonly #serial = new KeyedSerial();

  constructor(engine: FakeEngine, nodeId: string) {
    this.name = engine.options.name ?? 'fake';
    this.#engine = engine;
    this.#nodeId = nodeId;
  }

  async info(options: CallOptions): Promise<RuntimeInfo> {
    await this.#engine.enter('info', options);
    return {
      name: this.name,
      version: '1',
      os: 'linux',
      kernelVersion: '6',
      architecture: 'amd64',
    };
  }

  async list(options: CallOptions): Promise<readonly InstanceStatus[]> {
    await this.#engine.enter('list', options);
    const mine = [...this.#engine.instances.values()].filter((one) => one.nodeId === this.#nodeId);
    return mine.map(statusOf);
  }

  async get(id: InstanceId, options: CallOptions): Promise<InstanceStatus | undefined> {
    await this.#engine.enter('get', options);
    const lie = this.#engine.takeLie(id);
    if (lie !== undefined) return lie.status;
    const instance = this.#find(id);
    return instance === undefined ? undefined : statusOf(instance);
  }

  observe({ signal }: CallOptions): Observable<InstanceId> {
    return new Observable((subscriber) => {
      const changes = this.#engine.changes.subscribe(({ nodeId, id }) => {
        if (nodeId === this.#nodeId) subscriber.next(id);
      });
      for (const one of this.#engine.instances.values()) {
        if (one.nodeId === this.#nodeId) subscriber.next(one.id);
      }
      void aborted(signal).then(() => subscriber.complete());
      return changes;
    });
  }

  async ensureImage(image: string, policy: ImagePullPolicy, options: PullOptions): Promise<void> {
    await this.#engine.enter('ensureImage', options);
    checkReference(image);
    const { images, registry, calls } = this.#engine;
    if (policy !== 'Always' && images.has(image)) return;
    if (policy === 'Never')
      throw new RuntimeError('ImageMissing', `image "${image}" is not present`);
    calls.push(`pull ${image}`);
    await this.#engine.pulling(image, options);
    if (!registry.has(image) && !images.has(image)) {
      throw new RuntimeError('ImagePullFailed', `manifest for ${image} not found`);
    }
    images.add(image);
  }

  async imageInfo(image: string, options: CallOptions): Promise<ImageInfo | undefined> {
    await this.#engine.enter('imageInfo', options);
    checkReference(image);
    if (!this.#engine.images.has(image)) return undefined;
    const user = this.#engine.imageUsers.get(image) ?? '';
    return { id: `fake://sha256:${image}`, sizeBytes: 1 << 20, user };
  }

  ensure(spec: InstanceSpec, options: CallOptions): Promise<InstanceStatus> {
    return this.#serial.run(spec.id, async () => {
      await this.#engine.enter('ensure', options);
      this.#engine.calls.push(`ensure ${spec.id}`);
      const names = spec.containers.map((container) => container.name);
      if (new Set(names).size < names.length) {
        throw new RuntimeError('InvalidSpec', 'a container name is used twice');
      }
      let instance = this.#find(spec.id);
      for (const [name, attempts] of instance?.containers ?? []) {
        if (names.includes(name)) continue;
        for (const one of attempts) await one.kill({ exitCode: 137, oomKilled: false });
        instance?.containers.delete(name);
      }
      for (const container of spec.containers) {
        instance = await this.#ensureContainer(instance, spec, container);
      }
      return statusOf(instance ?? this.#create(spec));
    });
  }

  async #ensureContainer(
    known: FakeInstance | undefined,
    spec: InstanceSpec,
    container: ContainerSpec,
  ): Promise<FakeInstance> {
    const newest = known?.containers.get(container.name)?.at(-1);
    if (known !== undefined && newest !== undefined && newest.spec.attempt >= container.attempt) {
      return known;
    }
    await newest?.kill({ exitCode: 137, oomKilled: false });
    if (!this.#engine.images.has(container.image)) {
      const message = `No such image: ${container.image}`;
      throw new RuntimeError('ImageMissing', message, { container: container.name });
    }
    checkBeside(known, container);
    const program = this.#engine.programOf(container);
    const instance = known ?? this.#create(spec);
    const started = new FakeContainer({
      spec: container,
      containerId: `fake://${this.#engine.nextNumber()}`,
      hostname: spec.hostname,
      localhost: instance.localhost,
      clock: this.#engine.options.clock,
      program,
      onExit: () => this.#changed(spec.id),
    });
    instance.containers.set(container.name, newest === undefined ? [started] : [newest, started]);
    this.#changed(spec.id);
    return instance;
  }

  async stop(id: InstanceId, options: StopOptions): Promise<void> {
    const { containerId, graceMs, signal } = options;
    if (containerId !== undefined) {
      await this.#engine.enter('stop', options);
      const all = [...(this.#find(id)?.containers.values() ?? [])].flat();
      const one = all.find((each) => each.containerId === containerId);
      this.#engine.calls.push(`stop ${id}/${one?.spec.name} ${graceMs}`);
      await one?.stop(graceMs, signal);
      return;
    }
    await this.#serial.run(id, async () => {
      await this.#engine.enter('stop', options);
      this.#engine.calls.push(`stop ${id} ${options.graceMs}`);
      await this.#end(id, options);
    });
  }

  async setCpus(id: InstanceId, { cpus }: CpuChoice, _: CallOptions): Promise<void> {
    if (this.#find(id) === undefined) return;
    this.#engine.calls.push(`setCpus ${id} ${cpus}`);
  }

  remove(id: InstanceId, options: CallOptions & { readonly graceMs: number }): Promise<void> {
    return this.#serial.run(id, async () => {
      await this.#engine.enter('remove', options);
      this.#engine.calls.push(`remove ${id} ${options.graceMs}`);
      await this.#end(id, options);
      if (this.#engine.instances.delete(this.#key(id))) this.#changed(id);
    });
  }

  async *logs(id: InstanceId, options: LogOptions): AsyncGenerator<LogChunk> {
    const attempts = this.#find(id)?.containers.get(options.container) ?? [];
    const one = attempts.at(options.previous ? -2 : -1);
    if (one === undefined) throw this.#notFound(options.container);
    yield* one.log.read(options);
  }

  async exec(id: InstanceId, options: ExecOptions): Promise<ExecSession> {
    const one = this.#find(id)?.containers.get(options.container)?.at(-1);
    if (one === undefined || one.state.phase !== 'running') throw this.#notFound(options.container);
    const stdin = options.stdin ? new PassThrough() : undefined;
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const size = { columns: 80, rows: 24 };
    const streams = { stdout, stderr };
    const print = (text: string, stream: LogChunk['stream'] = 'stdout') => {
      streams[options.tty ? 'stdout' : stream].write(`${text}\n`);
    };
    const program = this.#engine.programs[options.command[0] ?? ''] ?? notExecutable;
    const process = one.process(options.command, { stdin, size, print });
    const ended = Promise.race([
      program(process),
      aborted(process.killed).then(() => 137),
      aborted(options.signal).then(() => Promise.reject(options.signal.reason)),
    ]);
    const exit = ended.finally(() => {
      stdout.end();
      stderr.end();
    });
    exit.catch(() => undefined);
    return { stdin, stdout, stderr, exit, resize: async (to) => void Object.assign(size, to) };
  }

  async attach(id: InstanceId, options: AttachOptions): Promise<AttachSession> {
    const one = this.#find(id)?.containers.get(options.container)?.at(-1);
    if (one === undefined || one.state.phase !== 'running') throw this.#notFound(options.container);
    return one.attach(options);
  }

  async diskUsage(id: InstanceId, options: CallOptions): Promise<ReadonlyMap<string, number>> {
    await this.#engine.enter('diskUsage', options);
    const names = [...(this.#find(id)?.containers.keys() ?? [])];
    return new Map(names.map((name) => [name, this.#engine.written.get(name) ?? 0]));
  }

  async listImages(options: CallOptions): Promise<ImageStore> {
    await this.#engine.enter('listImages', options);
    const images = [...this.#engine.images].map((tag) => ({
      id: `sha256:${tag}`,
      tags: [tag],
      digests: [],
      sizeBytes: fakeImageBytes,
      users: this.#usersOf(tag),
    }));
    return { directory: '/fake', images };
  }

  async removeImage(image: string, options: CallOptions): Promise<void> {
    await this.#engine.enter('removeImage', options);
    const tag = image.replace(/^sha256:/, '');
    const users = this.#usersOf(tag);
    if (users.length > 0)
      throw new RuntimeError('ImageInUse', `image "${image}" is used by ${users.join(', ')}`);
    if (this.#engine.images.delete(tag)) this.#engine.calls.push(`remove image ${tag}`);
  }

  #usersOf(tag: string): readonly string[] {
    return [...this.#engine.instances.values()].flatMap(({ name, containers }) =>
      [...containers.values()]
        .flat()
        .flatMap(({ spec }) => (spec.image === tag ? [`${name}/${spec.name}`] : [])),
    );
  }

  async stats(options: CallOptions): Promise<readonly InstanceUsage[]> {
    await this.#engine.enter('stats', options);
    return [...this.#engine.instances.values()]
      .filter((one) => one.nodeId === this.#nodeId)
      .map((one) => usageOf(one, this.#engine.usage))
      .filter(({ containers }) => containers.length > 0);
  }

  async close(): Promise<void> {}

  async #end(id: string, options: CallOptions & { readonly graceMs: number }): Promise<void> {
    const containers = [...(this.#find(id)?.containers.values() ?? [])].flat();
    await Promise.all(containers.map((one) => one.stop(options.graceMs, options.signal)));
  }

  #create(spec: InstanceSpec): FakeInstance {
    const instance: FakeInstance = {
      nodeId: this.#nodeId,
      id: spec.id,
      namespace: spec.namespace,
      name: spec.name,
      ip:
        spec.network === 'host'
          ? ''
          : (spec.address?.address ?? `10.0.0.${this.#engine.nextNumber() % 255}`),
      localhost: new Map(),
      containers: new Map(),
    };
    this.#engine.instances.set(this.#key(spec.id), instance);
    return instance;
  }

  #find(id: InstanceId): FakeInstance | undefined {
    return this.#engine.instances.get(this.#key(id));
  }

  #key(id: InstanceId): string {
    return `${this.#nodeId}\0${id}`;
  }

  #changed(id: InstanceId): void {
    this.#engine.changes.next({ nodeId: this.#nodeId, id });
  }

  #notFound(container: string): RuntimeError {
    return new RuntimeError('NotFound', `container "${container}" not found`, { container });
  }
}

function checkBeside(known: FakeInstance | undefined, { name, beside }: ContainerSpec): void {
  if (beside === undefined) return;
  const { processesOf } = beside;
  const others = [...(known?.containers ?? [])].filter(
    ([other]) => other !== name && (processesOf === undefined || other === processesOf),
  );
  if (others.some(([, attempts]) => attempts.at(-1)?.state.phase === 'running')) return;
  const what =
    processesOf === undefined ? 'no container of it' : `target container "${processesOf}"`;
  throw new RuntimeError('StartFailed', `${what} is not running`, { container: name });
}

function checkReference(image: string): void {
  if (/^[a-z0-9]/.test(image) && !/\s/.test(image)) return;
  throw new RuntimeError('InvalidSpec', `invalid reference format: "${image}"`);
}

/** How big every image of this engine is. */
export const fakeImageBytes = 1_000_000;

const notExecutable: FakeProgram = async ({ argv, print }) => {
  print(`exec: "${argv[0]}": executable file not found in $PATH`);
  return 126;
};
