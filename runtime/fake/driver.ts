import { PassThrough } from 'node:stream';
import type { CallOptions } from '../../lib/call.ts';
import { Observable } from '../../lib/rx.ts';
import type { ImageStore } from '../image-store.ts';
import { refusePaused } from '../paused.ts';
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
import type { InstanceUsage } from '../usage.ts';
import type { FakeEngine } from './fake.ts';
import { type FakeInstance, statusOf, usageOf } from './instance.ts';
import { aborted, FakeContainer, type FakeProgram } from './process.ts';

/** A driver over an engine in memory, as one agent has it. */
export class FakeRuntime implements Runtime {
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
      const nameAll = () => {
        for (const one of this.#engine.instances.values()) {
          if (one.nodeId === this.#nodeId) subscriber.next(one.id);
        }
      };
      changes.add(this.#engine.returns.subscribe(nameAll));
      nameAll();
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
    this.#engine.checkReachable();
    if (this.#find(id) === undefined) return;
    this.#engine.calls.push(`setCpus ${id} ${cpus}`);
  }

  async setPaused(id: InstanceId, paused: boolean, _: CallOptions): Promise<void> {
    this.#engine.checkReachable();
    const all = [...(this.#find(id)?.containers.values() ?? [])].flat();
    const changed = all.filter((one) => one.setPaused(paused));
    if (changed.length === 0) return;
    this.#engine.calls.push(`${paused ? 'pause' : 'resume'} ${id}`);
    this.#changed(id);
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
    this.#engine.checkReachable();
    const attempts = this.#find(id)?.containers.get(options.container) ?? [];
    const one = attempts.at(options.previous ? -2 : -1);
    if (one === undefined) throw this.#notFound(options.container);
    yield* one.log.read(options);
  }

  async exec(id: InstanceId, options: ExecOptions): Promise<ExecSession> {
    this.#engine.checkReachable();
    const one = this.#find(id)?.containers.get(options.container)?.at(-1);
    if (one === undefined || one.state.phase !== 'running') throw this.#notFound(options.container);
    refusePaused(one.state.paused ?? false, options.container);
    const stdin = options.stdin ? new PassThrough() : undefined;
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const size = { columns: 80, rows: 24 };
    const streams = { stdout, stderr };
    const print = (text: string, stream: LogChunk['stream'] = 'stdout') => {
      streams[options.tty ? 'stdout' : stream].write(`${text}\n`);
    };
    const program = this.#engine.programs[options.command[0] ?? ''] ?? notExecutable;
    const killed = options.killOnAbort ? AbortSignal.any([one.killed, options.signal]) : one.killed;
    const process = one.process(options.command, { stdin, size, print, killed });
    const ended = Promise.race([
      program(process),
      aborted(process.killed).then(() => 137),
      aborted(options.signal).then(() => Promise.reject(options.signal.reason)),
    ]);
    const exit = ended
      .then((code) => {
        // What it was killed with does not count for who gave it up.
        options.signal.throwIfAborted();
        return code;
      })
      .finally(() => {
        stdout.end();
        stderr.end();
      });
    exit.catch(() => undefined);
    return { stdin, stdout, stderr, exit, resize: async (to) => void Object.assign(size, to) };
  }

  async attach(id: InstanceId, options: AttachOptions): Promise<AttachSession> {
    this.#engine.checkReachable();
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
    this.#engine.tell(this.#nodeId, id);
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
