/** Measures disks when that is asked for, one after the other, and remembers what each can do. */
import { join } from 'node:path';
import { formatTime } from '../../api/conditions.ts';
import { asObject } from '../../api/json.ts';
import type { DiskMeasureRequest, TopologyDisk } from '../../api/kinds.gen.ts';
import type { CallOptions } from '../../lib/call.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { readJsonFile, writeJsonFile } from '../files/json-file.ts';
import { MeasureError, type measureDisk } from './measure-disk.ts';

/** What is told of one disk. */
export type DiskAnswer = Pick<TopologyDisk, 'measurement' | 'measured'>;

export interface MeasuringOptions {
  readonly clock: Clock;
  /** `undefined` when the node has no disk of that name. */
  readonly pathOf: (disk: string) => string | undefined;
  /** Volumes of that disk that somebody uses now. */
  readonly usedOf: (disk: string) => readonly string[];
  readonly measure: typeof measureDisk;
}

const secondsDefault = 10;
/** Names of volumes in a message. */
const namesMax = 3;

export class Measurements {
  readonly #path: string;
  readonly #log: Log;
  readonly #answers: Map<string, DiskAnswer>;
  /** By disk; the newest request of each. */
  readonly #waiting = new Map<string, DiskMeasureRequest>();
  #wake: () => void = () => undefined;
  /** Told of each answer. */
  changed: () => void = () => undefined;

  private constructor(path: string, log: Log, answers: ReadonlyMap<string, DiskAnswer>) {
    this.#path = path;
    this.#log = log;
    this.#answers = new Map(answers);
  }

  /** With what was measured before; a file that is damaged costs that, and no more. */
  static async load(dataDir: string, log: Log): Promise<Measurements> {
    const path = join(dataDir, 'measurements.json');
    const stored = await readJsonFile(path).catch((error: unknown) => {
      log.warn({ err: error }, 'measurements of disks forgotten');
      return undefined;
    });
    // As `#tell` writes it.
    const entries = Object.entries(asObject(stored) ?? {}) as [string, DiskAnswer][];
    return new Measurements(path, log, new Map(entries));
  }

  of(disk: string): DiskAnswer {
    return this.#answers.get(disk) ?? {};
  }

  /** Each is done once: what was answered already, before a restart too, is not done again. */
  ask(requests: readonly DiskMeasureRequest[]): void {
    for (const request of requests) {
      const { disk, requestedAt } = request;
      const { measurement } = this.of(disk);
      const isAnswered =
        measurement?.requestedAt === requestedAt && measurement.phase !== 'Running';
      if (!isAnswered) this.#waiting.set(disk, request);
    }
    this.#wake();
  }

  /** Until `signal` aborts; a measurement under way then is begun again by the next agent. */
  async run(options: MeasuringOptions, { signal }: CallOptions): Promise<void> {
    while (!signal.aborted) {
      const [request] = this.#waiting.values();
      if (request === undefined) {
        await this.#asked(signal);
        continue;
      }
      await this.#answer(request, options, signal);
      // One that came meanwhile for the same disk stays.
      if (this.#waiting.get(request.disk)?.requestedAt === request.requestedAt)
        this.#waiting.delete(request.disk);
    }
  }

  #asked(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async #answer(
    request: DiskMeasureRequest,
    { clock, pathOf, usedOf, measure }: MeasuringOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const { disk, requestedAt, seconds = secondsDefault, force = false } = request;
    const { measured } = this.of(disk);
    const before = measured === undefined ? {} : { measured };
    try {
      const path = pathOf(disk);
      if (path === undefined) return; // There is no place where it could be told.
      const used = usedOf(disk);
      if (used.length > 0 && !force) throw new MeasureError(inUse(used));
      await this.#tell(disk, { ...before, measurement: { requestedAt, phase: 'Running' } });
      this.#log.info({ disk, seconds }, 'measuring disk');
      const rates = await measure(path, { seconds, signal });
      const time = formatTime(clock.now());
      const measurement = { requestedAt, phase: 'Done' };
      await this.#tell(disk, { measured: { time, ...rates }, measurement });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof MeasureError))
        this.#log.warn({ err: error, disk }, 'disk not measured');
      const message = error instanceof Error ? error.message : String(error);
      await this.#tell(disk, { ...before, measurement: { requestedAt, phase: 'Failed', message } });
    }
  }

  async #tell(disk: string, answer: DiskAnswer): Promise<void> {
    this.#answers.set(disk, answer);
    await writeJsonFile(this.#path, Object.fromEntries(this.#answers)).catch((error: unknown) =>
      this.#log.warn({ err: error }, 'measurements of disks not kept'),
    );
    this.changed();
  }
}

function inUse(volumes: readonly string[]): string {
  const rest = volumes.length - namesMax;
  const names = volumes.slice(0, namesMax).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  return `Volumes of it are in use (${names}), and would be slow meanwhile: stop who uses them, or --force`;
}
