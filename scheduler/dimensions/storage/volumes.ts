/**
 * The volumes and disks of one node, and which of them an instance gets. Pure.
 *
 * A normal binding goes to the fullest volume that has room, so that unused ones stay for those that want one alone; all
 * mono bindings of an instance share one unused volume, in proportion to what they ask. Throughput counts for the disk
 * whose mount is the longest prefix.
 */
import type { Throughput, VolumeBinding } from './binding.ts';

export interface NodeVolume {
  /** Where it is mounted. */
  readonly path: string;
  readonly size: number;
}

export interface NodeDisk extends Throughput {
  readonly device: string;
  readonly mounts: readonly string[];
}

/** So much of one volume, for one binding. */
export interface VolumeShare {
  readonly binding: VolumeBinding;
  /** The volume, or the directory of a mount. */
  readonly volume: string;
  /** Bytes that are taken: for mono bindings their part of the whole volume. */
  readonly size: number;
}

/** In the order of the bindings that were asked for. */
export type VolumePlan = readonly VolumeShare[];

/** Places that are tried for one instance: who needs more for its many bindings does not fit. */
const stepsMax = 1_000;

const rates = ['readIops', 'writeIops', 'readBps', 'writeBps'] as const;
type Rates = Record<(typeof rates)[number], number>;

export class NodeVolumes {
  readonly #volumes: readonly NodeVolume[];
  readonly #disks: readonly NodeDisk[];
  readonly #free: number[];
  readonly #ratesFree: Rates[];

  constructor(volumes: readonly NodeVolume[], disks: readonly NodeDisk[]) {
    this.#volumes = volumes;
    this.#disks = disks;
    this.#free = volumes.map(({ size }) => size);
    this.#ratesFree = disks.map(({ readIops, writeIops, readBps, writeBps }) => ({
      readIops,
      writeIops,
      readBps,
      writeBps,
    }));
  }

  /** A copy that can be tried out on. */
  copy(): NodeVolumes {
    const copy = new NodeVolumes(this.#volumes, this.#disks);
    copy.#free.splice(0, this.#free.length, ...this.#free);
    copy.#ratesFree.splice(0, this.#ratesFree.length, ...this.#ratesFree.map((r) => ({ ...r })));
    return copy;
  }

  /** Bytes free on a volume; 0 for one that is not here. */
  freeOn(path: string): number {
    return this.#free[this.#indexOf(path)] ?? 0;
  }

  /** What is left of a rate on the disk below a volume; 0 where none is known. */
  rateFreeOn(path: string, rate: (typeof rates)[number]): number {
    return this.#ratesFree[this.#diskOf(path)]?.[rate] ?? 0;
  }

  /** What an instance would get; undefined when it does not fit. Changes nothing. */
  plan(bindings: readonly VolumeBinding[]): VolumePlan | undefined {
    const trial = this.copy();
    const monos = bindings.filter(({ kind }) => kind === 'mono');
    const groups = ordered(bindings).map((binding) => [binding]);
    const placed = trial.placeGroups(monos.length > 0 ? [...groups, monos] : groups);
    if (placed === undefined) return undefined;
    const shares = new Map(placed.map((share) => [share.binding, share]));
    // Last, when it is known what is left.
    for (const binding of bindings) {
      if (binding.kind !== 'unlimited') continue;
      const share = trial.#placeUnlimited(binding);
      if (share === undefined) return undefined;
      trial.#add(share, -1);
      shares.set(binding, share);
    }
    return bindings.flatMap((binding) => shares.get(binding) ?? []);
  }

  /**
   * A place for each group, the first of its places with which those after it find theirs. A group is one binding, or
   * mono ones that share a volume. Takes them; undefined, and nothing taken, when they do not all fit.
   */
  placeGroups(groups: readonly (readonly VolumeBinding[])[]): VolumeShare[] | undefined {
    return this.#placeFrom(groups, 0, { left: stepsMax });
  }

  #placeFrom(
    groups: readonly (readonly VolumeBinding[])[],
    at: number,
    steps: { left: number },
  ): VolumeShare[] | undefined {
    const group = groups[at];
    if (group === undefined) return [];
    for (const shares of this.#placesOf(group)) {
      steps.left -= 1;
      if (steps.left < 0) return undefined;
      this.take(shares);
      const others = this.#placeFrom(groups, at + 1, steps);
      if (others !== undefined) return [...shares, ...others];
      this.release(shares);
    }
    return undefined;
  }

  /** The best first. */
  #placesOf(group: readonly VolumeBinding[]): readonly VolumePlan[] {
    const [first] = group;
    if (first === undefined) return [[]];
    return first.kind === 'mono' ? this.#monoPlaces(group) : this.#places(first);
  }

  /** How many instances with these bindings fit, at most `most`. */
  count(bindings: readonly VolumeBinding[], most: number): number {
    const trial = this.copy();
    for (let count = 0; count < most; count += 1) {
      const plan = trial.plan(bindings);
      if (plan === undefined) return count;
      trial.take(plan);
    }
    return most;
  }

  /** Takes a plan; also one that does not fit, because what is bound is bound. */
  take(plan: VolumePlan): void {
    for (const share of plan) this.#add(share, -1);
  }

  /** The inverse of `take`. */
  release(plan: VolumePlan): void {
    for (const share of plan) this.#add(share, 1);
  }

  /** Whether this very share can be had, for an instance that stays where it is. */
  canTake(share: VolumeShare): boolean {
    const { binding, volume, size } = share;
    if (binding.kind !== 'mount' && this.#indexOf(volume) < 0) return false;
    return (
      (binding.kind === 'mount' || this.freeOn(volume) >= size) && this.#hasRates(volume, binding)
    );
  }

  /**
   * One unused volume for all of them, the last that will do: the first are the first to be shared. `on` names the one
   * it must be. Takes it.
   */
  placeMonos(monos: readonly VolumeBinding[], on?: string): VolumePlan | undefined {
    const places = this.#monoPlaces(monos);
    const chosen = places.find((shares) => on === undefined || shares[0]?.volume === on);
    if (chosen !== undefined) this.take(chosen);
    return chosen;
  }

  #monoPlaces(monos: readonly VolumeBinding[]): readonly VolumePlan[] {
    const asked = monos.reduce((sum, { size }) => sum + size, 0);
    const unused = this.#volumes.filter(({ size }, i) => this.#free[i] === size && size >= asked);
    const places = unused.map(({ path, size }) =>
      inProportion(monos, size).map(([binding, bytes]) => ({ binding, volume: path, size: bytes })),
    );
    return places.reverse().filter((shares) => {
      const trial = this.copy();
      return shares.every(
        (share) => trial.#hasRates(share.volume, share.binding) && trial.#add(share, -1),
      );
    });
  }

  /** Used volumes before unused ones, the fullest first; of several that are alike only one. */
  #places(binding: VolumeBinding): readonly VolumePlan[] {
    const { kind, source, size } = binding;
    if (kind === 'mount') {
      return this.#hasRates(source, binding) ? [[{ binding, volume: source, size: 0 }]] : [];
    }
    const free = (index: number) => this.#free[index] ?? 0;
    const isUnused = (index: number) => free(index) === this.#volumes[index]?.size;
    const fitting = this.#volumes
      .map((_, index) => index)
      .filter((index) => free(index) >= size)
      .sort((a, b) => Number(isUnused(a)) - Number(isUnused(b)) || free(a) - free(b) || a - b);
    const seen = new Set<string>();
    return fitting.flatMap((index) => {
      const volume = this.#volumes[index]?.path ?? '';
      const likeness = `${free(index)} ${isUnused(index)} ${this.#diskOf(volume)}`;
      if (seen.has(likeness) || !this.#hasRates(volume, binding)) return [];
      seen.add(likeness);
      return [[{ binding, volume, size }]];
    });
  }

  #placeUnlimited(binding: VolumeBinding): VolumeShare | undefined {
    const emptiest = this.#volumes
      .map((_, index) => index)
      .sort((a, b) => (this.#free[b] ?? 0) - (this.#free[a] ?? 0) || a - b)
      .map((index) => this.#volumes[index]?.path ?? '')
      .find((path) => this.#hasRates(path, binding));
    return emptiest === undefined ? undefined : { binding, volume: emptiest, size: 0 };
  }

  /** What asks for no throughput needs no disk that is known. */
  #hasRates(path: string, binding: VolumeBinding): boolean {
    const free = this.#ratesFree[this.#diskOf(path)];
    return rates.every((rate) => binding[rate] === 0 || (free?.[rate] ?? 0) >= binding[rate]);
  }

  #add({ binding, volume, size }: VolumeShare, sign: 1 | -1): true {
    const index = this.#indexOf(volume);
    if (index >= 0) this.#free[index] = (this.#free[index] ?? 0) + sign * size;
    const free = this.#ratesFree[this.#diskOf(volume)];
    if (free !== undefined) for (const rate of rates) free[rate] += sign * binding[rate];
    return true;
  }

  #indexOf(path: string): number {
    return this.#volumes.findIndex((volume) => volume.path === path);
  }

  /** -1 when no disk is mounted above it. */
  #diskOf(path: string): number {
    let best = -1;
    let longest = -1;
    for (const [index, { mounts }] of this.#disks.entries()) {
      for (const mount of mounts) {
        if (mount.length <= longest || !isWithin(path, mount)) continue;
        best = index;
        longest = mount.length;
      }
    }
    return best;
  }
}

/** `/data/x` is within `/data`, `/data2` is not. */
function isWithin(path: string, mount: string): boolean {
  const base = mount.endsWith('/') ? mount : `${mount}/`;
  return `${path}/`.startsWith(base);
}

/** Mounts and normal ones, the largest first: what is small finds a place more easily. */
function ordered(bindings: readonly VolumeBinding[]): readonly VolumeBinding[] {
  return bindings
    .filter(({ kind }) => kind === 'mount' || kind === 'normal')
    .sort((a, b) => b.size - a.size);
}

/** Whole bytes that come to the whole volume: what division leaves goes to the smallest, the first among equals. */
function inProportion(
  monos: readonly VolumeBinding[],
  size: number,
): readonly (readonly [VolumeBinding, number])[] {
  const asked = monos.reduce((sum, mono) => sum + BigInt(mono.size), 0n);
  const parts = monos.map((mono) => Number((BigInt(size) * BigInt(mono.size)) / asked));
  const smallest = monos.reduce((at, mono, i) => (mono.size < (monos[at]?.size ?? 0) ? i : at), 0);
  const left = size - parts.reduce((sum, part) => sum + part, 0);
  return monos.map((mono, i) => [mono, (parts[i] ?? 0) + (i === smallest ? left : 0)] as const);
}
