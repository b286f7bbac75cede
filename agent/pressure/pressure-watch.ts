/** Tells what the machine is short of; a full disk first costs what nobody uses. */
import type { Log } from '../../lib/log.ts';
import type { ImageKeeper } from '../node-images/image-keeper.ts';
import type { MachineLoad } from '../topology/machine.ts';
import { type Pressure, type PressureThresholds, pressureOf } from './pressure.ts';

export interface PressureWatchOptions {
  readonly thresholds: PressureThresholds;
  readonly readLoad: () => Promise<MachineLoad>;
  readonly images: Pick<ImageKeeper, 'reclaim'>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export class PressureWatch {
  readonly #options: PressureWatchOptions;
  #reclaimed = false;

  constructor(options: PressureWatchOptions) {
    this.#options = options;
  }

  /** Asked with every look at the node. Makes room once for each time that the disk becomes full. */
  async look(): Promise<Pressure> {
    const pressure = await this.#read();
    if (pressure.disk === undefined) {
      this.#reclaimed = false;
      return pressure;
    }
    if (this.#reclaimed) return pressure;
    this.#reclaimed = true;
    const { images, log, signal } = this.#options;
    try {
      const freedBytes = await images.reclaim({ signal });
      log.warn({ disk: pressure.disk, freedBytes }, 'disk full: unused images removed');
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'disk full, and images not removed');
    }
    return await this.#read();
  }

  async #read(): Promise<Pressure> {
    const { readLoad, thresholds } = this.#options;
    return pressureOf(await readLoad(), thresholds);
  }
}
