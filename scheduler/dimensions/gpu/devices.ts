/** The GPUs of one node: what is free of each, and which ones an instance would get. */
import type { Shortage } from '../../engine/reasons.ts';
import type { Devices } from '../dimension.ts';
import { type GpuNeed, type GpuPiece, gpuResource, wholeDevice } from './need.ts';

export class GpuDevices implements Devices<GpuNeed, GpuPiece> {
  /** By device, in thousandths; below zero only by force. Read it, never write it. */
  readonly free: Int32Array;
  /** Of each; empty for one that has gone, of which nothing is free. */
  readonly models: readonly string[];
  readonly #there: number;
  /** Grows with every change, so that what was worked out from `free` can be kept. */
  changes = 0;

  constructor(models: readonly string[]) {
    this.models = models;
    this.free = Int32Array.from(models, (model) => (model === '' ? 0 : wholeDevice));
    this.#there = models.filter((model) => model !== '').length;
  }

  copy(): GpuDevices {
    const copy = new GpuDevices(this.models);
    copy.free.set(this.free);
    return copy;
  }

  /** Whether the device is of a model that will do. */
  accepts(need: Pick<GpuNeed, 'models'>, device: number): boolean {
    return need.models.length === 0 || need.models.includes(this.models[device] ?? '');
  }

  fits(need: GpuNeed): boolean {
    return this.#fitting(need) >= need.devices;
  }

  /** Each instance takes different devices, but two instances may share one. */
  count(need: GpuNeed): number {
    const shares: number[] = [];
    for (const [device, free] of this.free.entries()) {
      if (this.accepts(need, device)) shares.push(Math.max(0, Math.floor(free / need.milli)));
    }
    const sum = shares.reduce((total, share) => total + share, 0);
    let most = Math.floor(sum / need.devices);
    // A device serves an instance once: of what it could give, no more than there are instances counts.
    while (most > 0) {
      const usable = shares.reduce((total, share) => total + Math.min(share, most), 0);
      const possible = Math.floor(usable / need.devices);
      if (possible >= most) break;
      most = possible;
    }
    return most;
  }

  /**
   * Shares go where they leave the least over, so that whole devices stay whole; whole devices are taken from the
   * lowest number up.
   */
  allocate(need: GpuNeed): GpuPiece {
    const { free } = this;
    const candidates: number[] = [];
    for (let device = 0; device < free.length; device += 1) {
      if ((free[device] ?? 0) >= need.milli && this.accepts(need, device)) candidates.push(device);
    }
    // Of whole ones none has less free than another.
    if (need.milli < wholeDevice) {
      candidates.sort((a, b) => (free[a] ?? 0) - (free[b] ?? 0) || a - b);
    }
    const devices = candidates.slice(0, need.devices).sort((a, b) => a - b);
    return { devices, milli: need.milli };
  }

  /** Those of the lowest numbers that will do, whatever others have. */
  implied(need: GpuNeed): GpuPiece {
    const acceptable = [...this.free.keys()].filter((device) => this.accepts(need, device));
    return { devices: acceptable.slice(0, need.devices), milli: need.milli };
  }

  /** In devices. */
  usage(): { readonly capacity: number; readonly used: number } {
    const free = this.free.reduce((sum, each) => sum + each, 0);
    const capacity = this.#there;
    return { capacity, used: capacity - free / wholeDevice };
  }

  take({ devices, milli }: GpuPiece): void {
    for (const device of devices) this.#add(device, -milli);
  }

  release({ devices, milli }: GpuPiece): void {
    for (const device of devices) this.#add(device, milli);
  }

  score(need: GpuNeed): number {
    const capacity = this.#there * wholeDevice;
    const left = this.free.reduce((sum, free) => sum + free, 0);
    return (capacity - left + need.devices * need.milli) / capacity;
  }

  explain(need: GpuNeed): Shortage | undefined {
    const fitting = this.#fitting(need);
    if (fitting >= need.devices) return undefined;
    const whole = need.milli === wholeDevice;
    const of = need.models.length === 0 ? '' : ` of ${need.models.join(' or ')}`;
    // A share is missing from the device that comes nearest; whole devices are missing as such.
    const nearest = this.#mostFree(need);
    const capacity = this.#accepted(need) * wholeDevice;
    const [asked, free] = whole
      ? [need.devices * wholeDevice, fitting * wholeDevice]
      : [need.milli, nearest];
    return {
      type: 'shortage',
      dimension: 'gpu',
      resource: gpuResource,
      reason: need.models.length === 0 ? 'Insufficient gpu' : `Insufficient gpu${of}`,
      asked,
      free,
      missing: asked - free,
      capacity,
      text: {
        capacity: String(capacity / wholeDevice),
        asked: String(asked / wholeDevice),
        free: String(free / wholeDevice),
        missing: String((asked - free) / wholeDevice),
      },
    };
  }

  #fitting(need: GpuNeed): number {
    const { free } = this;
    let fitting = 0;
    for (let device = 0; device < free.length; device += 1) {
      if ((free[device] ?? 0) >= need.milli && this.accepts(need, device)) fitting += 1;
    }
    return fitting;
  }

  #accepted(need: GpuNeed): number {
    const { free } = this;
    let accepted = 0;
    for (let device = 0; device < free.length; device += 1) {
      if (this.accepts(need, device)) accepted += 1;
    }
    return accepted;
  }

  #mostFree(need: GpuNeed): number {
    let most = 0;
    for (const [device, free] of this.free.entries()) {
      if (this.accepts(need, device)) most = Math.max(most, free);
    }
    return most;
  }

  /** A device that is gone since the binding was made has nothing to take from. */
  #add(device: number, milli: number): void {
    const free = this.free[device];
    if (free === undefined) return;
    this.free[device] = free + milli;
    this.changes += 1;
  }
}
