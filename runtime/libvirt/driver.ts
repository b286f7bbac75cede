import { stat } from 'node:fs/promises';
import { release } from 'node:os';
import { PassThrough } from 'node:stream';
import type { Observable } from 'rxjs';
import { cellOf } from '../../api/vm-states.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import { parseCpuList } from '../../lib/cpu-list.ts';
import type { Log } from '../../lib/log.ts';
import type { CniAttachment } from '../cni/cni.ts';
import type { CniNetworks } from '../cni/networks.ts';
import type { ImageStore } from '../image-store.ts';
import type { MachineControl } from '../machine.ts';
import { refusePaused } from '../paused.ts';
import {
  type Adopting,
  type AttachOptions,
  type AttachSession,
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
  type StopOptions,
} from '../runtime.ts';
import { KeyedSerial } from '../serial.ts';
import type { InstanceUsage } from '../usage.ts';
import { LibvirtAdopting } from './adopt.ts';
import { Attempts } from './attempts.ts';
import { readConsoleLog } from './console-log.ts';
import { createMachineControl } from './control.ts';
import type { Hypervisor } from './domain-xml.ts';
import { ensureMachine, noTerminalWords } from './ensure-machine.ts';
import { startGuestExec } from './guest-exec.ts';
import { findHypervisor } from './hypervisor.ts';
import { Libvirt } from './libvirt.ts';
import { LiveCaptures } from './live-capture.ts';
import { attachMachine, detachMachine } from './machine-networks.ts';
import { domainUuid, type Found, Machines, unloggedWords } from './machines.ts';
import { observeDomains } from './observe.ts';

export interface LibvirtRuntimeOptions {
  /** Only domains labelled with it are seen or touched. */
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Where consoles are logged; the hypervisor's user must be able to enter it. */
  readonly stateDir: string;
  /** @default /var/run/libvirt/libvirt-sock */
  readonly socketPath?: string;
  /** @default none: nothing can be attached to them */
  readonly cni?: CniNetworks;
}

/** Virtual machines by libvirtd and QEMU; an instance has one container, which stands for the guest. */
export function createLibvirtRuntime(options: LibvirtRuntimeOptions): Runtime {
  return new LibvirtRuntime(options);
}

class LibvirtRuntime implements Runtime {
  readonly name = 'libvirt';
  readonly gaps = ['tty', 'streams', 'containers', 'images'] as const;
  readonly #options: LibvirtRuntimeOptions;
  readonly #libvirt: Libvirt;
  readonly #machines: Machines;
  readonly #captures: LiveCaptures;
  readonly #serial = new KeyedSerial();
  /** Machines that were put on other CPUs; one for each that there is at most. */
  readonly #moved = new Set<InstanceId>();
  readonly machines: MachineControl;
  readonly adopting: Adopting;
  #hypervisor: Promise<Hypervisor> | undefined;

  constructor(options: LibvirtRuntimeOptions) {
    const { nodeId, clock, stateDir, socketPath } = options;
    this.#options = options;
    this.#libvirt = new Libvirt(clock, socketPath);
    this.#machines = new Machines(this.#libvirt, new Attempts(stateDir), nodeId, clock);
    this.#captures = new LiveCaptures(this.#machines);
    this.machines = createMachineControl(this.#machines, this.#captures, this.#serial);
    this.adopting = new LibvirtAdopting(this.#machines, this.#serial);
  }

  async info(options: CallOptions): Promise<RuntimeInfo> {
    const version = await this.#libvirt.version(options);
    const { kvm, architecture } = await this.#findHypervisor(options);
    return {
      name: this.name,
      version: `${version}-${kvm ? 'kvm' : 'tcg'}`,
      os: 'linux',
      kernelVersion: release(),
      architecture: architecture === 'x86_64' ? 'amd64' : 'arm64',
    };
  }

  async list(options: CallOptions): Promise<readonly InstanceStatus[]> {
    const found = await this.#machines.list(options);
    return await Promise.all(found.map((one) => this.#machines.status(one)));
  }

  async get(id: InstanceId, options: CallOptions): Promise<InstanceStatus | undefined> {
    const found = await this.#machines.find(id, options);
    return found === undefined ? undefined : await this.#machines.status(found);
  }

  observe(options: CallOptions): Observable<InstanceId> {
    const { clock, log } = this.#options;
    const machines = this.#machines;
    const tidy = (id: InstanceId, call: CallOptions) =>
      this.#serial.run(id, () => machines.dropStaleMemory(id, call));
    return observeDomains({ libvirt: this.#libvirt, machines, tidy, clock, log }, options);
  }

  /** Disks are made ready before: an image is the path of one. */
  async ensureImage(image: string, _policy: ImagePullPolicy, _: PullOptions): Promise<void> {
    if (await this.imageInfo(image)) return;
    throw new RuntimeError('ImageMissing', `image "${image}" is no file of this machine`);
  }

  async imageInfo(image: string): Promise<ImageInfo | undefined> {
    const found = image === '' ? undefined : await stat(image).catch(() => undefined);
    if (found === undefined) return undefined;
    return { id: `file:${image}`, sizeBytes: found.size, user: '' };
  }

  async listImages(): Promise<ImageStore> {
    return { images: [] };
  }

  async removeImage(image: string): Promise<void> {
    if ((await this.imageInfo(image)) === undefined) return;
    throw new RuntimeError('Unsupported', `"${image}" is a file of this machine: not removed here`);
  }

  ensure(spec: InstanceSpec, options: CallOptions): Promise<InstanceStatus> {
    return this.#serial.run(spec.id, async () => {
      const hypervisor = await this.#findHypervisor(options);
      await this.#captures.dropUnfinished(spec.id, options);
      const found = await ensureMachine(this.#machines, spec, hypervisor, options);
      return await this.#machines.status(found);
    });
  }

  attachNetworks(spec: InstanceSpec, options: CallOptions): Promise<readonly CniAttachment[]> {
    const { nodeId, cni } = this.#options;
    return this.#serial.run(spec.id, () => attachMachine(cni, nodeId, spec, options));
  }

  setCpus(id: InstanceId, { cpus, isAll }: CpuChoice, options: CallOptions): Promise<void> {
    return this.#serial.run(id, async () => {
      const found = await this.#machines.find(id, options);
      if (!found?.running) return;
      // What was adopted keeps the CPUs that it came with until some are anybody's own.
      if (isAll && found.labels.adopted !== undefined && !this.#moved.has(id)) return;
      this.#moved.add(id);
      await this.#libvirt.pin(found.domain, found.info.cpus, parseCpuList(cpus) ?? [], options);
    });
  }

  setPaused(id: InstanceId, paused: boolean, options: CallOptions): Promise<void> {
    return this.#serial.run(id, async () => {
      const found = await this.#machines.find(id, options);
      const verb = paused ? 'suspend' : 'resume';
      if (found === undefined || cellOf(verb, found.state) !== 'do') return;
      await this.#libvirt[verb](found.domain, options);
    });
  }

  async stop(id: InstanceId, options: StopOptions): Promise<void> {
    await this.#serial.run(id, async () => {
      const found = await this.#machines.find(id, options);
      if (found !== undefined) await this.#machines.stop(found, options.graceMs, options);
      await this.#leaveNetworks(id, options);
    });
  }

  remove(id: InstanceId, options: CallOptions & { readonly graceMs: number }): Promise<void> {
    return this.#serial.run(id, async () => {
      const found = await this.#machines.find(id, options);
      if (found !== undefined) {
        await this.#machines.stop(found, options.graceMs, options);
        await this.#captures.dropUnfinished(id, options);
        await this.#machines.forget(found, options);
        this.#moved.delete(id);
      } else {
        await this.#removeUnstarted(id, options);
      }
      await this.#leaveNetworks(id, options);
    });
  }

  async *logs(id: InstanceId, options: LogOptions): AsyncGenerator<LogChunk> {
    const { container, previous, signal } = options;
    const found = await this.#machines.find(id, { signal });
    const known = found?.labels.container === container ? found : undefined;
    if (known?.labels.adopted !== undefined) {
      throw new RuntimeError('NotFound', unloggedWords, { container });
    }
    const attempt = known === undefined ? -1 : known.labels.attempt - (previous ? 1 : 0);
    const path = this.#machines.attempts.consoleLog(id, attempt);
    if (known === undefined || !(await this.#machines.attempts.hasStarted(id, attempt))) {
      const which = previous ? 'previous terminated container' : 'container';
      throw new RuntimeError('NotFound', `${which} "${container}" not found`, { container });
    }
    const ended = async () => {
      const now = await this.#machines.find(id, { signal });
      return now === undefined || now.labels.attempt !== attempt || !now.running;
    };
    yield* readConsoleLog(this.#options.clock, path, ended, options);
  }

  async exec(id: InstanceId, options: ExecOptions): Promise<ExecSession> {
    const { domain, state } = await this.#running(id, options.container, options);
    refusePaused(state === 'paused', options.container);
    if (options.tty) {
      throw new RuntimeError('InvalidSpec', noTerminalWords, { container: options.container });
    }
    return startGuestExec(this.#libvirt, this.#options.clock, domain, options);
  }

  /** The serial console; one at a time has it. */
  async attach(id: InstanceId, options: AttachOptions): Promise<AttachSession> {
    const { domain } = await this.#running(id, options.container, options);
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const stdin = options.stdin ? new PassThrough() : undefined;
    let settle: { resolve: () => void; reject: (error: unknown) => void } | undefined;
    const ended = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
    });
    ended.catch(() => undefined);
    const finish = (error?: unknown) => {
      stdout.end();
      stderr.end();
      if (error === undefined) settle?.resolve();
      else settle?.reject(error);
    };
    const handler = { onData: (data: Buffer) => void stdout.write(data), onEnd: finish };
    const stream = await this.#libvirt.console(domain, handler, options);
    const onAbort = () => {
      stream.close();
      finish(options.signal.reason);
    };
    options.signal.addEventListener('abort', onAbort, { once: true });
    stdin?.on('data', (data: Buffer) => stream.write(data));
    return { stdin, stdout, stderr, ended, resize: async () => undefined };
  }

  async stats(options: CallOptions): Promise<readonly InstanceUsage[]> {
    const found = await this.#machines.list(options);
    return found
      .filter(({ running }) => running)
      .map((one) => ({
        id: one.labels.instance,
        namespace: one.labels.namespace,
        name: one.labels.name,
        containers: [
          {
            name: one.labels.container,
            containerId: this.#machines.containerId(one),
            cpuNanos: one.info.cpuNanos,
            workingSetBytes: one.info.memoryBytes,
          },
        ],
      }));
  }

  /** Its consoles; disks are volumes, with hard sizes of their own. */
  async diskUsage(id: InstanceId, options: CallOptions): Promise<ReadonlyMap<string, number>> {
    const found = await this.#machines.find(id, options);
    if (found === undefined) return new Map();
    const { attempt, container } = found.labels;
    const sizes = await Promise.all(
      [attempt, attempt - 1].map(
        async (each) =>
          (await stat(this.#machines.attempts.consoleLog(id, each)).catch(() => undefined))?.size ??
          0,
      ),
    );
    return new Map([[container, sizes.reduce((sum, size) => sum + size, 0)]]);
  }

  async close(): Promise<void> {
    await this.#libvirt.close();
  }

  /** Its disks go with it too, unless libvirt has it still, as nobody's: it was released. */
  async #removeUnstarted(id: InstanceId, options: CallOptions): Promise<void> {
    const { attempts, nodeId } = this.#machines;
    const released = await this.#libvirt.find(domainUuid(nodeId, id), options);
    await (released === undefined ? attempts.remove(id) : attempts.removeNotes(id));
  }

  async #leaveNetworks(id: InstanceId, options: CallOptions): Promise<void> {
    await detachMachine(this.#options.cni, this.#options.nodeId, id, options);
  }

  #findHypervisor(options: CallOptions): Promise<Hypervisor> {
    this.#hypervisor ??= findHypervisor(options).catch((error) => {
      this.#hypervisor = undefined;
      throw error;
    });
    return this.#hypervisor;
  }

  async #running(id: InstanceId, container: string, options: CallOptions): Promise<Found> {
    const found = await this.#machines.find(id, options);
    if (found?.running && found.labels.container === container) return found;
    throw new RuntimeError('NotFound', `container "${container}" is not running`, { container });
  }
}
