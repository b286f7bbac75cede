/**
 * How good the rest of a node is. Two measures over the expected demand: the fragmentation of FGD (USENIX ATC 2023),
 * which is what the next request could not use; and the capacity, which is how many of each kind would still fit.
 * The first looks one request ahead and is blind between 0 and 1; the second sees a node's last place for a large
 * request while there are still smaller uses for it.
 */
import type { DemandKind } from './demand.ts';

/**
 * Weight of capacity against fragmentation. Kinds count with the root of their size: by size itself, places for the
 * largest requests are kept at the cost of all others. Measured on the openb trace.
 */
const capacityWeight = 8;

/** The node as it would be; `accepts` tells of each kind and device, kind by kind, whether the model will do. */
export type Potential = (cpuFree: number, free: Int32Array, accepts: Uint8Array) => number;

/** The lower, the more is lost. In thousandths of a device. */
export function potentialOf(demand: readonly DemandKind[]): Potential {
  const kinds = demand.map(({ cpu, devices, milli, frequency }) => ({
    cpu,
    devices,
    milli,
    frequency,
    value: capacityWeight * frequency * Math.sqrt(devices * milli),
  }));
  return (cpuFree, free, accepts) => {
    const width = free.length;
    let total = 0;
    for (let i = 0; i < width; i += 1) total += free[i] ?? 0;
    if (total === 0) return 0;
    let potential = 0;
    for (let k = 0; k < kinds.length; k += 1) {
      const kind = kinds[k];
      if (kind === undefined) continue;
      let fitting = 0;
      let places = 0;
      let unusable = 0;
      if (kind.devices > 0) {
        for (let i = 0; i < width; i += 1) {
          const left = free[i] ?? 0;
          if (accepts[k * width + i] === 1 && left >= kind.milli) {
            fitting += 1;
            places += Math.floor(left / kind.milli);
          } else unusable += left;
        }
      }
      if (fitting < kind.devices || kind.devices === 0 || kind.cpu > cpuFree) {
        potential -= kind.frequency * total;
        continue;
      }
      const byDevices = Math.floor(places / kind.devices);
      const count =
        kind.cpu === 0 ? byDevices : Math.min(byDevices, Math.floor(cpuFree / kind.cpu));
      potential += kind.value * count - kind.frequency * unusable;
    }
    return potential;
  };
}
