import { setMaxListeners } from 'node:events';
import type Docker from 'dockerode';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Adoptions } from '../adoptions.ts';
import { RuntimeError } from '../runtime.ts';
import { type LogLimits, logLimitsDefault } from './container-options.ts';
import { statusOf, toRuntimeError } from './errors.ts';
import { adoptedLabels, label } from './labels.ts';
import { type Found, memoryDoubtMs, readFound } from './status.ts';

/** How many containers are inspected at once when many are listed. */
const inspectConcurrency = 8;

/** The engine's calls on containers of one node, with failures as `RuntimeError`. */
export class Engine {
  readonly docker: Docker;
  readonly nodeId: string;
  readonly adoptions: Adoptions;
  readonly logs: LogLimits;
  readonly #clock: Clock;

  constructor(
    docker: Docker,
    nodeId: string,
    adoptions: Adoptions,
    clock: Clock,
    logs = logLimitsDefault,
  ) {
    this.docker = docker;
    this.nodeId = nodeId;
    this.adoptions = adoptions;
    this.logs = logs;
    this.#clock = clock;
  }

  /** Every container of this node, or of one instance, running or not; oldest first. */
  async find(instance: string | undefined, { signal }: CallOptions): Promise<readonly Found[]> {
    // So many inspections listen to it at once, each twice.
    setMaxListeners(0, signal);
    const rows = await this.rows(instance, {}, { signal });
    const found: Found[] = [];
    for (let at = 0; at < rows.length; at += inspectConcurrency) {
      const batch = rows.slice(at, at + inspectConcurrency);
      const infos = await Promise.all(batch.map((row) => this.inspect(row.Id, { signal })));
      for (const [index, info] of infos.entries()) {
        const one = info === undefined ? undefined : readFound(info, batch[index]?.Labels ?? {});
        if (one !== undefined) found.push(one);
      }
    }
    return found.sort((a, b) => (a.info.Created < b.info.Created ? -1 : 1));
  }

  /** The engine's short word on each, with the labels that an adopted one would have; none that was released. */
  async rows(
    instance: string | undefined,
    { running = false, size = false },
    { signal }: CallOptions,
  ): Promise<readonly Docker.ContainerInfo[]> {
    const labels = [
      `${label.node}=${this.nodeId}`,
      instance === undefined ? label.instance : `${label.instance}=${instance}`,
    ];
    const ask = (filters: Readonly<Record<string, string[]>>) =>
      this.#call(this.docker.listContainers({ all: !running, size, filters, abortSignal: signal }));
    const made = (await ask({ label: labels })).filter(
      (row) => !this.adoptions.isReleased('docker', row.Id),
    );
    const adoptions = this.adoptions.of('docker', instance);
    if (adoptions.length === 0) return made;
    const adopted = await ask({ id: adoptions.map(({ target }) => target) });
    return [
      ...made,
      ...adopted.map((row) => {
        const adoption = adoptions.find(({ target }) => target === row.Id);
        return adoption === undefined ? row : { ...row, Labels: adoptedLabels(row, adoption) };
      }),
    ];
  }

  /** `undefined` when it is gone. */
  async inspect(
    id: string,
    { signal }: CallOptions,
  ): Promise<Docker.ContainerInspectInfo | undefined> {
    const ask = () => this.docker.getContainer(id).inspect({ abortSignal: signal });
    try {
      const info = await ask();
      const doubtMs = memoryDoubtMs(info, this.#clock.now());
      if (doubtMs <= 0) return info;
      await this.#clock.sleep(doubtMs, signal);
      return await ask();
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw toRuntimeError(error);
    }
  }

  /** The new container's id. */
  async create(
    options: Docker.ContainerCreateOptions,
    container: string | undefined,
    { signal }: CallOptions,
  ): Promise<string> {
    const about = container === undefined ? {} : { container };
    const failed = (error: unknown) =>
      toRuntimeError(error, { 404: 'ImageMissing' }, { otherwise: 'InvalidSpec', ...about });
    const make = async () =>
      (await this.docker.createContainer({ ...options, abortSignal: signal })).id;
    try {
      return await make();
    } catch (error) {
      const isTaken = statusOf(error) === 409 && options.name !== undefined;
      if (!isTaken || !(await this.#clearName(options.name ?? '', about, { signal }))) {
        throw failed(error);
      }
    }
    return await make().catch((error) => {
      throw failed(error);
    });
  }

  /**
   * Whoever gave up a container while it was made, or died, left it behind: the engine finishes what
   * it was asked for. Answers whether the name is free now; not when it is another's.
   */
  async #clearName(
    name: string,
    about: { readonly container?: string },
    options: CallOptions,
  ): Promise<boolean> {
    const taken = await this.inspect(name, options);
    if (taken === undefined) {
      throw new RuntimeError('Unavailable', `container "${name}" is still being made`, about);
    }
    const { Config, State, Id } = taken;
    if (Config.Labels[label.node] !== this.nodeId || State.Status !== 'created') return false;
    await this.remove(Id, options);
    return true;
  }

  async start(id: string, container: string | undefined, { signal }: CallOptions): Promise<void> {
    try {
      await this.docker.getContainer(id).start({ abortSignal: signal });
    } catch (error) {
      const about = container === undefined ? {} : { container };
      throw toRuntimeError(error, {}, { otherwise: 'StartFailed', ...about });
    }
  }

  /** Asks it to end, kills it after `graceMs` (rounded up to seconds); returns when it has ended. */
  async stop(id: string, graceMs: number, { signal }: CallOptions): Promise<void> {
    const t = Math.ceil(graceMs / 1000);
    await this.#ignoring([304, 404], this.docker.getContainer(id).stop({ t, abortSignal: signal }));
  }

  /** Ends it at once; returns when it has ended. */
  async kill(id: string, { signal }: CallOptions): Promise<void> {
    const container = this.docker.getContainer(id);
    await this.#ignoring([404, 409], container.kill({ signal: 'SIGKILL', abortSignal: signal }));
    await this.#ignoring([404], container.wait({ condition: 'not-running', abortSignal: signal }));
  }

  /** Removes it with its anonymous volumes, running or not; returns when it is gone. */
  async remove(id: string, { signal }: CallOptions): Promise<void> {
    const container = this.docker.getContainer(id);
    try {
      await container.remove({ force: true, v: true, abortSignal: signal });
    } catch (error) {
      if (statusOf(error) === 404) return;
      // 409: another call is removing it already.
      if (statusOf(error) !== 409) throw toRuntimeError(error);
      await this.#ignoring([404], container.wait({ condition: 'removed', abortSignal: signal }));
    }
  }

  /** Lets it run on other processors; what it has of memory stays where it is. */
  async setCpus(id: string, cpus: string, { signal }: CallOptions): Promise<void> {
    const update = this.docker.getContainer(id).update({ CpusetCpus: cpus, abortSignal: signal });
    // 409: it has ended meanwhile.
    await this.#ignoring([404, 409], update);
  }

  /** Halts it, or lets it go on. */
  async setPaused(id: string, paused: boolean, { signal }: CallOptions): Promise<void> {
    const container = this.docker.getContainer(id);
    const call = { abortSignal: signal };
    // 409: it has ended meanwhile, or somebody was quicker.
    await this.#ignoring([404, 409], paused ? container.pause(call) : container.unpause(call));
  }

  async #call<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      throw toRuntimeError(error);
    }
  }

  async #ignoring(statuses: readonly number[], call: Promise<unknown>): Promise<void> {
    try {
      await call;
    } catch (error) {
      if (!statuses.includes(statusOf(error) ?? 0)) throw toRuntimeError(error);
    }
  }
}

/** The running container of that name and newest attempt; `NotFound` when there is none. */
export function newestOf(found: readonly Found[], container: string): Found {
  const newest = found
    .filter((one) => !one.sandbox && one.containerName === container)
    .sort((a, b) => b.attempt - a.attempt)[0];
  if (newest === undefined) {
    throw new RuntimeError('NotFound', `container "${container}" not found`, { container });
  }
  return newest;
}
