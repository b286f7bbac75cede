import { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { Observable } from 'rxjs';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Adoptions } from '../adoptions.ts';
import { keepInGroup, limitIo } from '../cgroup-io.ts';
import type { CniAttachment } from '../cni/cni.ts';
import type { CniNetworks } from '../cni/networks.ts';
import type { ImageStore } from '../image-store.ts';
import { refusePaused } from '../paused.ts';
import {
  type AttachOptions,
  type AttachSession,
  type CpuChoice,
  type DeviceLimits,
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
  type StopOptions,
} from '../runtime.ts';
import { KeyedSerial } from '../serial.ts';
import type { InstanceUsage } from '../usage.ts';
import { DockerAdopting } from './adopt.ts';
import { attachTo } from './attach.ts';
import type { LogLimits } from './container-options.ts';
import { Dockerode } from './dockerode.ts';
import { Engine, newestOf } from './engine.ts';
import { ensureInstance } from './ensure.ts';
import { toRuntimeError } from './errors.ts';
import { startExec } from './exec.ts';
import { listImages, removeImage } from './image-store.ts';
import { ensureImage, imageInfo, isImagePresent, readProgress } from './images.ts';
import { label } from './labels.ts';
import { readLogs } from './logs.ts';
import { observeEvents } from './observe.ts';
import { pauseImage, pauseImageArchive } from './pause-image.ts';
import { ensureSandbox, isShared, leaveNetworks, type SandboxTools } from './sandbox.ts';
import { type Found, readInstance } from './status.ts';
import { readDiskUsage, readUsage } from './usage.ts';

export interface DockerRuntimeOptions {
  /** Only containers labelled with it are seen or touched. */
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** @default /var/run/docker.sock */
  readonly socketPath?: string;
  /** @default none, and none is remembered */
  readonly adoptions?: Adoptions;
  /** @default five files of 10 MiB */
  readonly logs?: LogLimits;
  /** @default none: nothing can be attached to them */
  readonly cni?: CniNetworks;
}

/** Containers by dockerd. No API version is named, so each engine answers in its own. */
export function createDockerRuntime(options: DockerRuntimeOptions): Runtime {
  const socketPath = options.socketPath ?? '/var/run/docker.sock';
  return new DockerRuntime(new Dockerode({ socketPath }), options);
}

class DockerRuntime implements Runtime {
  readonly name = 'docker';
  readonly gaps = [];
  readonly adopting: DockerAdopting;
  readonly #docker: Docker;
  readonly #engine: Engine;
  readonly #options: DockerRuntimeOptions;
  readonly #serial = new KeyedSerial();

  constructor(docker: Docker, options: DockerRuntimeOptions) {
    this.#docker = docker;
    const adoptions = options.adoptions ?? Adoptions.inMemory();
    this.#engine = new Engine(docker, options.nodeId, adoptions, options.clock, options.logs);
    this.adopting = new DockerAdopting(this.#engine, adoptions);
    this.#options = options;
  }

  async info({ signal }: CallOptions): Promise<RuntimeInfo> {
    try {
      // The typings leave the options out.
      const docker = this.#docker as { version(o: object): Promise<Docker.DockerVersion> };
      const version = await docker.version({ abortSignal: signal });
      return {
        name: this.name,
        version: version.Version,
        os: version.Os,
        kernelVersion: version.KernelVersion ?? '',
        architecture: version.Arch,
      };
    } catch (error) {
      throw toRuntimeError(error);
    }
  }

  async list(options: CallOptions): Promise<readonly InstanceStatus[]> {
    const byId = new Map<InstanceId, Found[]>();
    for (const one of await this.#engine.find(undefined, options)) {
      const id = one.labels[label.instance] ?? '';
      const known = byId.get(id);
      if (known === undefined) byId.set(id, [one]);
      else known.push(one);
    }
    return await Promise.all([...byId].map(([id, found]) => this.#status(id, found)));
  }

  async get(id: InstanceId, options: CallOptions): Promise<InstanceStatus | undefined> {
    const found = await this.#engine.find(id, options);
    return found.length === 0 ? undefined : await this.#status(id, found);
  }

  observe(options: CallOptions): Observable<InstanceId> {
    const { nodeId, clock, log } = this.#options;
    const allIds = async (o: CallOptions) => (await this.list(o)).map((status) => status.id);
    const { adoptions } = this.#engine;
    return observeEvents({ docker: this.#docker, nodeId, adoptions, clock, log, allIds }, options);
  }

  ensureImage(image: string, policy: ImagePullPolicy, options: PullOptions): Promise<void> {
    return ensureImage(this.#docker, image, policy, options);
  }

  async imageInfo(image: string, options: CallOptions): Promise<ImageInfo | undefined> {
    return await imageInfo(this.#docker, image, options);
  }

  ensure(spec: InstanceSpec, options: CallOptions): Promise<InstanceStatus> {
    return this.#serial.run(spec.id, async () => {
      checkSpec(spec);
      await ensureInstance(this.#sandboxTools, spec, options);
      return await this.#status(spec.id, await this.#engine.find(spec.id, options));
    });
  }

  attachNetworks(spec: InstanceSpec, options: CallOptions): Promise<readonly CniAttachment[]> {
    return this.#serial.run(spec.id, async () => {
      checkSpec(spec);
      if (!isShared(spec)) return [];
      const found = await this.#engine.find(spec.id, options);
      return (await ensureSandbox(this.#sandboxTools, spec, found, options)).attachments;
    });
  }

  setCpus(id: InstanceId, { cpus, isAll }: CpuChoice, options: CallOptions): Promise<void> {
    return this.#serial.run(id, async () => {
      for (const { sandbox, info } of await this.#engine.find(id, options)) {
        const now = info.HostConfig.CpusetCpus ?? '';
        const right = now === cpus || (isAll && now === '');
        if (sandbox || !info.State.Running || right) continue;
        await this.#engine.setCpus(info.Id, cpus, options);
      }
    });
  }

  /** By the kernel itself: engines before 24 cannot change these of a container that runs. */
  setIo(
    id: InstanceId,
    io: ReadonlyMap<string, readonly DeviceLimits[]>,
    options: CallOptions,
  ): Promise<void> {
    return this.#serial.run(id, async () => {
      for (const { containerName, sandbox, info } of await this.#engine.find(id, options)) {
        if (sandbox || !info.State.Running) continue;
        await keepInGroup(info.State.Pid);
        await limitIo(info.State.Pid, io.get(containerName) ?? []);
      }
    });
  }

  setPaused(id: InstanceId, paused: boolean, options: CallOptions): Promise<void> {
    return this.#serial.run(id, async () => {
      for (const { sandbox, info } of await this.#engine.find(id, options)) {
        if (sandbox || !info.State.Running || info.State.Paused === paused) continue;
        await this.#engine.setPaused(info.Id, paused, options);
      }
    });
  }

  async stop(id: InstanceId, options: StopOptions): Promise<void> {
    const { containerId, graceMs } = options;
    if (containerId !== undefined) {
      await this.#engine.stop(containerId.replace(/^docker:\/\//, ''), graceMs, options);
      return;
    }
    await this.#serial.run(id, async () => {
      await this.#end(await this.#engine.find(id, options), options);
      await leaveNetworks(this.#sandboxTools, id, options);
    });
  }

  remove(id: InstanceId, options: CallOptions & { readonly graceMs: number }): Promise<void> {
    return this.#serial.run(id, async () => {
      const found = await this.#engine.find(id, options);
      await this.#end(found, options);
      for (const one of found) await this.#engine.remove(one.info.Id, options);
      await leaveNetworks(this.#sandboxTools, id, options);
      for (const adoption of this.#engine.adoptions.of('docker', id)) {
        this.#engine.adoptions.forget(adoption);
      }
    });
  }

  async *logs(id: InstanceId, options: LogOptions): AsyncGenerator<LogChunk> {
    yield* readLogs(this.#docker, await this.#engine.find(id, options), options);
  }

  async exec(id: InstanceId, options: ExecOptions): Promise<ExecSession> {
    const one = newestOf(await this.#engine.find(id, options), options.container);
    refusePaused(one.info.State.Paused, options.container);
    return await startExec(this.#docker, this.#options.clock, one, options);
  }

  async attach(id: InstanceId, options: AttachOptions): Promise<AttachSession> {
    const one = newestOf(await this.#engine.find(id, options), options.container);
    return await attachTo(this.#docker, one, options);
  }

  async diskUsage(id: InstanceId, options: CallOptions): Promise<ReadonlyMap<string, number>> {
    return await readDiskUsage(
      this.#docker,
      await this.#engine.rows(id, { size: true }, options),
      options,
    );
  }

  listImages(options: CallOptions): Promise<ImageStore> {
    return listImages(this.#docker, options);
  }

  removeImage(image: string, options: CallOptions): Promise<void> {
    return removeImage(this.#docker, image, options);
  }

  async stats(options: CallOptions): Promise<readonly InstanceUsage[]> {
    return await readUsage(
      this.#docker,
      await this.#engine.rows(undefined, { running: true }, options),
      options,
    );
  }

  async close(): Promise<void> {
    // Every call has its own connection; there is nothing to free.
  }

  /** Ends all processes; the sandbox after the others, since they use its network to say goodbye. */
  async #end(
    found: readonly Found[],
    options: CallOptions & { readonly graceMs: number },
  ): Promise<void> {
    const running = found.filter((one) => one.info.State.Running);
    const stops = running
      .filter((one) => !one.sandbox)
      .map((one) => this.#engine.stop(one.info.Id, options.graceMs, options));
    await Promise.all(stops);
    for (const one of running) if (one.sandbox) await this.#engine.kill(one.info.Id, options);
  }

  get #sandboxTools(): SandboxTools {
    const loadPauseImage = (options: CallOptions) => this.#loadPauseImage(options);
    return { engine: this.#engine, loadPauseImage, cni: this.#options.cni };
  }

  async #status(id: InstanceId, found: readonly Found[]): Promise<InstanceStatus> {
    return readInstance(id, found, (await this.#options.cni?.mainAddresses(id)) ?? []);
  }

  async #loadPauseImage({ signal }: CallOptions): Promise<void> {
    if (await isImagePresent(this.#docker, pauseImage, signal)) return;
    const { architecture } = await this.info({ signal });
    try {
      const archive = Readable.from([pauseImageArchive(architecture)]);
      await readProgress(this.#docker, await this.#docker.loadImage(archive), signal);
    } catch (error) {
      throw toRuntimeError(error);
    }
  }
}

/** What would otherwise fail half-way, after earlier containers have been started. */
function checkSpec(spec: InstanceSpec): void {
  const names = new Set<string>();
  for (const { name, env } of spec.containers) {
    const bad = Object.keys(env).find((key) => key === '' || key.includes('='));
    const why = names.has(name)
      ? `container name "${name}" is used twice`
      : bad === undefined
        ? undefined
        : `environment variable name "${bad}" is not allowed`;
    if (why !== undefined) throw new RuntimeError('InvalidSpec', why, { container: name });
    names.add(name);
  }
}
