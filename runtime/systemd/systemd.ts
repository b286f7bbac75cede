import { stat } from 'node:fs/promises';
import { arch, release } from 'node:os';
import { PassThrough } from 'node:stream';
import type { Observable } from 'rxjs';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Adoptions } from '../adoptions.ts';
import { limitIo } from '../cgroup-io.ts';
import type { CniAttachment } from '../cni/cni.ts';
import type { CniNetworks } from '../cni/networks.ts';
import type { ImageStore } from '../image-store.ts';
import type { BridgeOptions } from '../network/bridge.ts';
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
import { shortId } from '../short-id.ts';
import type { InstanceUsage } from '../usage.ts';
import { SystemdAdopting } from './adopt.ts';
import { systemBusPath } from './bus.ts';
import { checkSpec } from './check-spec.ts';
import { ensureInstance, joinNetworks } from './ensure.ts';
import { startExec } from './exec.ts';
import { readJournal } from './journal.ts';
import { journalMatches, sliceName } from './labels.ts';
import { observeUnits } from './observe.ts';
import { removeOwnFiles } from './own-files.ts';
import { attemptsOf, readInstance, type Unit, unitOfContainerId } from './unit.ts';
import { UnitNetwork } from './unit-network.ts';
import { Units } from './units.ts';
import { usageOf } from './usage.ts';

export interface SystemdRuntimeOptions {
  /** Only units labelled with it are seen or touched. */
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Log;
  /** @default /run/dbus/system_bus_socket */
  readonly busPath?: string;
  readonly bridge?: BridgeOptions;
  /** @default none, and none is remembered */
  readonly adoptions?: Adoptions;
  /** @default none: nothing can be attached to them */
  readonly cni?: CniNetworks;
}

/** Processes of this machine as transient units of systemd. */
export function createSystemdRuntime(options: SystemdRuntimeOptions): Runtime {
  return new SystemdRuntime(options);
}

class SystemdRuntime implements Runtime {
  readonly name = 'systemd';
  readonly gaps = ['tty', 'stdin', 'streams', 'hostname', 'sysctls', 'seccomp', 'images'] as const;
  readonly adopting: SystemdAdopting;
  readonly #options: SystemdRuntimeOptions;
  readonly #units: Units;
  readonly #network: UnitNetwork;
  readonly #serial = new KeyedSerial();

  constructor(options: SystemdRuntimeOptions) {
    const { nodeId, clock, busPath = systemBusPath } = options;
    this.#options = options;
    const adoptions = options.adoptions ?? Adoptions.inMemory();
    this.#units = new Units({ nodeId, clock, busPath, adoptions });
    this.adopting = new SystemdAdopting(this.#units, adoptions);
    this.#network = new UnitNetwork(options.bridge, options.cni);
  }

  async info(options: CallOptions): Promise<RuntimeInfo> {
    const bus = await this.#units.bus();
    const version = String(await bus.managerProperty('Version', options));
    return {
      name: this.name,
      version,
      os: 'linux',
      kernelVersion: release(),
      architecture: arch() === 'x64' ? 'amd64' : arch(),
    };
  }

  async list(options: CallOptions): Promise<readonly InstanceStatus[]> {
    const byId = byInstance(await this.#units.find(undefined, options));
    return await Promise.all([...byId].map(([id, units]) => this.#status(id, units)));
  }

  async get(id: InstanceId, options: CallOptions): Promise<InstanceStatus | undefined> {
    const units = await this.#units.find(id, options);
    return units.length === 0 ? undefined : await this.#status(id, units);
  }

  observe(options: CallOptions): Observable<InstanceId> {
    const { clock, log } = this.#options;
    const onEnded = (unit: Unit) => {
      // What it left behind would go on unseen.
      if (unit.controlGroup === '') return;
      this.#units.kill(unit, options).catch((error) => {
        if (!options.signal.aborted) log.warn({ err: error, unit: unit.name }, 'rest not ended');
      });
    };
    return observeUnits({ units: this.#units, clock, log, onEnded }, options);
  }

  async ensureImage(image: string, policy: ImagePullPolicy, _: PullOptions): Promise<void> {
    if (image === '' || (await isDirectory(image))) return;
    const remedy = 'the systemd runtime runs programs of this machine, or of a root directory';
    if (!/^[a-z0-9/][^\s]*$/.test(image)) {
      throw new RuntimeError('InvalidSpec', `image "${image}" is no path: ${remedy}`);
    }
    const reason = policy === 'Never' || image.startsWith('/') ? 'ImageMissing' : 'ImagePullFailed';
    throw new RuntimeError(reason, `image "${image}" is no directory of this machine: ${remedy}`);
  }

  async imageInfo(image: string, _: CallOptions): Promise<ImageInfo | undefined> {
    if (image !== '' && !(await isDirectory(image))) return undefined;
    return { id: image === '' ? 'host' : `directory:${image}`, sizeBytes: 0, user: '' };
  }

  /** Directories are their owner's: none is listed, and none removed. */
  async listImages(_: CallOptions): Promise<ImageStore> {
    return { images: [] };
  }

  async removeImage(image: string, _: CallOptions): Promise<void> {
    if (!(await isDirectory(image))) return;
    const message = `"${image}" is a directory of this machine: it is not removed by Berth`;
    throw new RuntimeError('Unsupported', message);
  }

  ensure(spec: InstanceSpec, options: CallOptions): Promise<InstanceStatus> {
    return this.#serial.run(spec.id, async () => {
      const found = await this.#units.find(spec.id, options);
      checkSpec(spec, ({ name, attempt }) => {
        const [newest] = attemptsOf(found, name);
        return newest !== undefined && newest.labels.attempt >= attempt;
      });
      await ensureInstance(this.#units, this.#network, spec, found, options);
      return await this.#status(spec.id, await this.#units.find(spec.id, options));
    });
  }

  attachNetworks(spec: InstanceSpec, options: CallOptions): Promise<readonly CniAttachment[]> {
    return this.#serial.run(spec.id, async () => {
      if (spec.network === 'host') return [];
      return (await joinNetworks(this.#units, this.#network, spec, options)).attachments;
    });
  }

  setCpus(id: InstanceId, choice: CpuChoice, options: CallOptions): Promise<void> {
    return this.#serial.run(id, async () => {
      for (const unit of await this.#units.find(id, options)) {
        if (unit.state.phase === 'running') await this.#units.setCpus(unit, choice, options);
      }
    });
  }

  setIo(
    id: InstanceId,
    io: ReadonlyMap<string, readonly DeviceLimits[]>,
    options: CallOptions,
  ): Promise<void> {
    return this.#serial.run(id, async () => {
      for (const { state, labels, mainPid } of await this.#units.find(id, options)) {
        if (state.phase === 'running') await limitIo(mainPid, io.get(labels.container) ?? []);
      }
    });
  }

  setPaused(id: InstanceId, paused: boolean, options: CallOptions): Promise<void> {
    return this.#serial.run(id, async () => {
      for (const unit of await this.#units.find(id, options)) {
        await this.#units.setPaused(unit, paused, options);
      }
    });
  }

  async stop(id: InstanceId, options: StopOptions): Promise<void> {
    const { containerId, graceMs } = options;
    if (containerId !== undefined) {
      const unit = await this.#units.get(unitOfContainerId(containerId), options);
      if (unit?.labels.node === this.#options.nodeId) {
        await this.#units.stop(unit, graceMs, options);
      }
      return;
    }
    await this.#serial.run(id, async () => {
      const units = await this.#units.find(id, options);
      await Promise.all(units.map((unit) => this.#units.stop(unit, graceMs, options)));
      await this.#network.leave(id, this.#key(id), options);
    });
  }

  remove(id: InstanceId, options: CallOptions & { readonly graceMs: number }): Promise<void> {
    return this.#serial.run(id, async () => {
      const units = await this.#units.find(id, options);
      await Promise.all(units.map((unit) => this.#units.stop(unit, options.graceMs, options)));
      for (const unit of units) await this.#units.remove(unit, options);
      // One that was not started since the last boot is no unit of the instance, and still its own.
      const { adoptions } = this.#units;
      for (const adoption of adoptions.of('systemd', id)) adoptions.forget(adoption);
      await this.#network.leave(id, this.#key(id), options);
      await removeOwnFiles(this.#key(id));
      await this.#units.stopSlice(sliceName(this.#options.nodeId, id), options);
    });
  }

  async *logs(id: InstanceId, options: LogOptions): AsyncGenerator<LogChunk> {
    const { container, previous } = options;
    const attempts = attemptsOf(await this.#units.find(id, options), container);
    const unit = attempts[previous ? 1 : 0];
    if (unit === undefined) {
      const which = previous ? 'previous terminated container' : 'container';
      throw new RuntimeError('NotFound', `${which} "${container}" not found`, { container });
    }
    const ended = async (call: CallOptions) =>
      (await this.#units.get(unit.name, call))?.state.phase !== 'running';
    const { clock } = this.#options;
    yield* readJournal({ clock, matches: journalMatches(unit), ended }, options);
  }

  async exec(id: InstanceId, options: ExecOptions): Promise<ExecSession> {
    const unit = await this.#running(id, options.container, options);
    refusePaused(isPaused(unit), options.container);
    return await startExec(this.#options.clock, unit, options);
  }

  async attach(id: InstanceId, options: AttachOptions): Promise<AttachSession> {
    await this.#running(id, options.container, options);
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const follow = { container: options.container, previous: false, timestamps: false };
    const lines = this.logs(id, { ...follow, follow: true, tailLines: 0, signal: options.signal });
    const ended = (async () => {
      for await (const { data } of lines) stdout.write(data);
      stdout.end();
      stderr.end();
      if (options.signal.aborted) throw options.signal.reason;
    })();
    ended.catch(() => undefined);
    return { stdin: undefined, stdout, stderr, ended, resize: async () => undefined };
  }

  async stats(options: CallOptions): Promise<readonly InstanceUsage[]> {
    const all = await this.#units.find(undefined, options);
    const running = all.filter(({ state }) => state.phase === 'running');
    return await Promise.all(
      [...byInstance(running)].map(async ([id, units]) => {
        const { namespace = '', name = '' } = units[0]?.labels ?? {};
        const usages = await Promise.all(units.map(usageOf));
        return { id, namespace, name, containers: usages.filter((each) => each !== undefined) };
      }),
    );
  }

  /** It has no layer of its own, and its log is the machine's journal. */
  async diskUsage(id: InstanceId, options: CallOptions): Promise<ReadonlyMap<string, number>> {
    const units = await this.#units.find(id, options);
    return new Map(units.map(({ labels }) => [labels.container, 0]));
  }

  async close(): Promise<void> {
    await this.#units.close();
  }

  async #running(id: InstanceId, container: string, options: CallOptions): Promise<Unit> {
    const [newest] = attemptsOf(await this.#units.find(id, options), container);
    if (newest?.state.phase === 'running') return newest;
    throw new RuntimeError('NotFound', `container "${container}" is not running`, { container });
  }

  async #status(id: InstanceId, units: readonly Unit[]): Promise<InstanceStatus> {
    return readInstance(id, units, await this.#network.addressesOf(id, this.#key(id)));
  }

  #key(id: InstanceId): string {
    return shortId(this.#options.nodeId, id);
  }
}

function isPaused({ state }: Unit): boolean {
  return state.phase === 'running' && state.paused === true;
}

function byInstance(units: readonly Unit[]): ReadonlyMap<InstanceId, readonly Unit[]> {
  const byId = new Map<InstanceId, Unit[]>();
  for (const unit of units) {
    const known = byId.get(unit.labels.instance);
    if (known === undefined) byId.set(unit.labels.instance, [unit]);
    else known.push(unit);
  }
  return byId;
}

async function isDirectory(path: string): Promise<boolean> {
  if (!path.startsWith('/')) return false;
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}
