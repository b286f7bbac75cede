/** The units of one node: found by their labels, started, ended and forgotten. */
import { Variant } from '@particle/dbus-next';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Adoptions } from '../adoptions.ts';
import { run } from '../run.ts';
import { type CpuChoice, type InstanceId, RuntimeError } from '../runtime.ts';
import { SystemdBus, SystemdError } from './bus.ts';
import { withoutDropIn } from './drop-in.ts';
import { forgetFreezer, freeze, hasFreezer, isFrozen, thaw } from './freezer.ts';
import { anyUnit, unitsOf } from './labels.ts';
import { readUnit, type Unit } from './unit.ts';
import { bitmap, type Property } from './unit-properties.ts';
import { processesOf } from './usage.ts';

/** How long a killed process may take to go; one that hangs in the kernel is left to itself. */
const killWaitMs = 10_000;
const pollMs = { first: 5, max: 200 } as const;

export interface UnitsOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly busPath: string;
  readonly adoptions: Adoptions;
}

export class Units {
  readonly nodeId: string;
  readonly adoptions: Adoptions;
  readonly #clock: Clock;
  readonly #busPath: string;
  readonly #onPaused = new Set<(id: InstanceId) => void>();
  #bus: Promise<SystemdBus> | undefined;

  constructor({ nodeId, clock, busPath, adoptions }: UnitsOptions) {
    this.nodeId = nodeId;
    this.adoptions = adoptions;
    this.#clock = clock;
    this.#busPath = busPath;
  }

  /** The connection, made anew when the one before has ended; throws `Unavailable`. */
  async bus(): Promise<SystemdBus> {
    const last = this.#bus;
    const known = await last?.catch(() => undefined);
    if (known !== undefined && !known.lost) return known;
    // Somebody else was quicker.
    if (this.#bus !== last) return await this.bus();
    // Not the caller's signal: others may wait for the same connection.
    this.#bus = SystemdBus.connect(this.#busPath, { signal: new AbortController().signal });
    return await this.#bus;
  }

  async close(): Promise<void> {
    (await this.#bus?.catch(() => undefined))?.close();
  }

  /** Every unit of this node, or of one instance of it. */
  async find(id: InstanceId | undefined, options: CallOptions): Promise<readonly Unit[]> {
    const bus = await this.bus();
    const pattern = id === undefined ? anyUnit : unitsOf(this.nodeId, id);
    const [rows] = await bus.call('ListUnitsByPatterns', 'asas', [[], [pattern]], options);
    // Rows of signature `ssssssouso`; the seventh is the unit's path.
    const paths = (rows as readonly (readonly unknown[])[]).map((row) => row[6] as string);
    const adopted = this.adoptions.of('systemd', id).map(({ target }) => this.get(target, options));
    const units = await Promise.all([...paths.map((path) => this.read(path, options)), ...adopted]);
    return units.filter(
      (unit) =>
        unit !== undefined &&
        unit.labels.node === this.nodeId &&
        (id === undefined || unit.labels.instance === id),
    ) as Unit[];
  }

  async get(name: string, options: CallOptions): Promise<Unit | undefined> {
    try {
      const [path] = await (await this.bus()).call('GetUnit', 's', [name], options);
      return await this.read(path as string, options);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /** `undefined` when it is none of ours, or went meanwhile. */
  async read(path: string, options: CallOptions): Promise<Unit | undefined> {
    try {
      const bus = await this.bus();
      const unit = readUnit(path, await bus.propertiesOf(path, options), this);
      if (unit?.state.phase !== 'running' || unit.state.paused) return unit;
      return (await isFrozen(unit.name))
        ? { ...unit, state: { ...unit.state, paused: true } }
        : unit;
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  }

  /** Resolves with the job's result: `done` when the program was executed. */
  async startTransient(
    name: string,
    properties: readonly Property[],
    options: CallOptions,
  ): Promise<string> {
    const body = [name, 'fail', properties, []];
    return await (await this.bus()).runJob('StartTransientUnit', 'ssa(sv)a(sa(sv))', body, options);
  }

  /** SIGTERM to its main process, SIGKILL to all of it after `graceMs`; resolves when it has ended. */
  async stop(unit: Unit, graceMs: number, options: CallOptions): Promise<void> {
    if (unit.state.phase === 'exited') return;
    if (graceMs > 0) {
      await this.#signal(unit.name, 'main', 'SIGTERM', options);
      // It hears of it once it goes on.
      await this.setPaused(unit, false, options);
      if (await this.#untilEnded(unit, graceMs, options)) {
        // Children that it left behind end with it.
        await this.#signal(unit.name, 'all', 'SIGKILL', options);
        return;
      }
    }
    await this.kill(unit, options);
  }

  /** Ends every process of it at once. */
  async kill(unit: Unit, options: CallOptions): Promise<void> {
    await this.#signal(unit.name, 'all', 'SIGKILL', options);
    await this.setPaused(unit, false, options);
    if (await this.#untilEnded(unit, killWaitMs, options)) return;
    throw new RuntimeError('Unavailable', `${unit.name} does not end, although it was killed`);
  }

  /** Ends it and lets systemd forget it. */
  async remove(unit: Unit, options: CallOptions): Promise<void> {
    const bus = await this.bus();
    await this.#signal(unit.name, 'all', 'SIGKILL', options);
    await this.setPaused(unit, false, options);
    const gone = (error: unknown) => {
      if (!isGone(error)) throw error;
    };
    await bus.runJob('StopUnit', 'ss', [unit.name, 'replace'], options).catch(gone);
    await bus.call('ResetFailedUnit', 's', [unit.name], options).catch(gone);
    await forgetFreezer(unit.name);
    if (!unit.adopted) return;
    this.adoptions.forget({ runtime: 'systemd', target: unit.name });
    await withoutDropIn(bus, unit.name, options);
  }

  /** Halts every process of it, or lets them go on; nothing happens to what is so, or has ended. */
  async setPaused(unit: Unit, paused: boolean, options: CallOptions): Promise<void> {
    if (unit.state.phase !== 'running' || (unit.state.paused ?? false) === paused) return;
    if (await hasFreezer()) {
      await (paused ? freeze(unit.name, () => processesOf(unit)) : thaw(unit.name));
      for (const listener of this.#onPaused) listener(unit.labels.instance);
      return;
    }
    const bus = await this.bus();
    await bus.call(paused ? 'FreezeUnit' : 'ThawUnit', 's', [unit.name], options).catch((error) => {
      if (!isGone(error) && !isInactive(error)) throw error;
    });
  }

  /** What is halted without systemd, so that it tells nobody. The returned function ends it. */
  onPaused(listener: (id: InstanceId) => void): () => void {
    this.#onPaused.add(listener);
    return () => this.#onPaused.delete(listener);
  }

  /** Moves every process of it, and those that it will start. */
  async setCpus(unit: Unit, { cpus }: CpuChoice, options: CallOptions): Promise<void> {
    const bus = await this.bus();
    const properties = [['AllowedCPUs', new Variant('ay', bitmap(cpus))]];
    await bus.call('SetUnitProperties', 'sba(sv)', [unit.name, true, properties], options);
    // Where the kernel has no such limit for a group, and for processes that were told at their start.
    for (const pid of await processesOf(unit)) {
      // It may have ended meanwhile.
      await run('taskset', ['-a', '-p', '-c', cpus, pid], {
        ...options,
        mayFail: /No such process/,
      });
    }
  }

  isAdopted(name: string): boolean {
    return this.adoptions.find('systemd', name) !== undefined;
  }

  async stopSlice(name: string, options: CallOptions): Promise<void> {
    const bus = await this.bus();
    await bus.runJob('StopUnit', 'ss', [name, 'replace'], options).catch((error) => {
      if (!isGone(error)) throw error;
    });
  }

  async #signal(
    unit: string,
    whom: 'main' | 'all',
    name: keyof typeof signals,
    options: CallOptions,
  ): Promise<void> {
    const bus = await this.bus();
    await bus.call('KillUnit', 'ssi', [unit, whom, signals[name]], options).catch((error) => {
      // It has no process any more, or has gone altogether.
      if (!(error instanceof SystemdError)) throw error;
    });
  }

  async #untilEnded(unit: Unit, withinMs: number, options: CallOptions): Promise<boolean> {
    const untilMs = this.#clock.now() + withinMs;
    for (let waitMs: number = pollMs.first; ; waitMs = Math.min(waitMs * 2, pollMs.max)) {
      const now = await this.read(unit.path, options);
      if (now === undefined || now.state.phase === 'exited') return true;
      const leftMs = untilMs - this.#clock.now();
      if (leftMs <= 0) return false;
      await this.#clock.sleep(Math.min(waitMs, leftMs), options.signal);
    }
  }
}

const signals = { SIGTERM: 15, SIGKILL: 9 } as const;

/** It has ended: nothing of it can be halted. */
function isInactive(error: unknown): boolean {
  return error instanceof SystemdError && error.type.endsWith('.UnitInactive');
}

const goneTypes = ['NoSuchUnit', 'UnitNotLoaded', 'UnknownObject', 'UnknownInterface'];

/** The unit is not known any more. */
function isGone(error: unknown): boolean {
  return error instanceof SystemdError && goneTypes.includes(error.type.split('.').at(-1) ?? '');
}
