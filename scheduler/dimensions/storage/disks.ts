/** Disks for Volumes: size and throughput, shared or a disk of one's own. A decision names the disk of each. */
import type { Shortage } from '../../engine/reasons.ts';
import type { DiskRecord } from '../../engine/request.ts';
import type { Devices, ScalarDimension, StructuredDimension } from '../dimension.ts';
import { formatBytes } from '../scalar.ts';
import type { VolumeBinding } from './binding.ts';
import {
  pieceOn,
  piecesOf,
  rateNames,
  type VolumeNeed,
  type VolumePiece,
  type VolumePieces,
} from './need.ts';
import { NodeVolumes, type VolumeShare } from './volumes.ts';

export const disksDimension = 'disks';

type Needs = readonly VolumeNeed[];

export const disks: StructuredDimension<Needs, VolumePieces> = {
  type: 'structured',
  name: disksDimension,
  parse: ({ volumes = [] }) => (volumes.length === 0 ? undefined : volumes),
  read: piecesOf,
  create: (record) => new NodeDisks(record.disks ?? []),
};

/** The disks of one class that a node has. */
interface DiskClass {
  readonly disks: readonly DiskRecord[];
  readonly volumes: NodeVolumes;
}

class NodeDisks implements Devices<Needs, VolumePieces> {
  readonly #disks: ReadonlyMap<string, DiskRecord>;
  readonly #classes: ReadonlyMap<string, DiskClass>;

  constructor(records: readonly DiskRecord[]) {
    this.#disks = new Map(records.map((disk) => [disk.name, disk]));
    const names = new Set(records.map((disk) => disk.class));
    this.#classes = new Map([...names].map((name) => [name, classOf(records, name)]));
  }

  fits(needs: Needs): boolean {
    return this.#plan(needs) !== undefined;
  }

  /** A Volume has one place: there is never a second instance with the same need. */
  count(needs: Needs): number {
    return this.fits(needs) ? 1 : 0;
  }

  allocate(needs: Needs): VolumePieces {
    return this.#plan(needs) ?? this.implied(needs);
  }

  /** Whatever is bound without a disk lies on the first of its class. */
  implied(needs: Needs): VolumePieces {
    return needs.map((need) => {
      const first = this.#classes.get(need.class)?.disks[0]?.name ?? '';
      return pieceOn(first, need);
    });
  }

  take(pieces: VolumePieces): void {
    for (const piece of pieces) this.#volumesOf(piece)?.take([this.#shareOf(piece)]);
  }

  release(pieces: VolumePieces): void {
    for (const piece of pieces) this.#volumesOf(piece)?.release([this.#shareOf(piece)]);
  }

  /** Of all disks of the classes that are asked for. */
  score(needs: Needs): number | undefined {
    let [size, free] = [0, 0];
    for (const name of new Set(needs.map((need) => need.class))) {
      const { disks: all = [], volumes } = this.#classes.get(name) ?? {};
      for (const disk of all) {
        size += disk.size;
        free += volumes?.freeOn(disk.name) ?? 0;
      }
    }
    const asked = needs.reduce((sum, need) => sum + need.size, 0);
    return size === 0 ? undefined : Math.min(1, Math.max(0, (size - free + asked) / size));
  }

  explain(needs: Needs): Shortage | undefined {
    if (this.fits(needs)) return undefined;
    const [only] = needs;
    const isSimple = needs.length === 1 && rateNames.every((rate) => only?.[rate] === 0);
    if (only !== undefined && isSimple) return this.#shortageOf(only);
    const missed = needs.find((need) => this.#disksFor(need).length === 0);
    if (missed !== undefined) return this.#shortageOf(missed);
    // Those first that do not fit by themselves.
    const order = [...needs].sort(
      (a, b) => Number(this.fits([a])) - Number(this.fits([b])) || b.size - a.size,
    );
    for (const need of order) {
      const isRoomy = this.#mostFree(need) >= need.size;
      const fields: readonly Field[] = isRoomy ? [...rateNames, 'size'] : ['size', ...rateNames];
      for (const field of fields) {
        const less = this.#leastLess(needs, need, field);
        if (less !== undefined) return this.#shortageBy(need, field, less);
      }
    }
    return this.#shortageOfAll(needs);
  }

  /** By how much less of one thing for one Volume all of them fit; undefined when that alone does not help. */
  #leastLess(needs: Needs, changed: VolumeNeed, field: Field): number | undefined {
    const fitsWith = (less: number) =>
      this.fits(
        needs.map((need) => (need === changed ? { ...need, [field]: need[field] - less } : need)),
      );
    // Nothing would be left of a size of 0; of a rate that is what is not asked for.
    let most = changed[field] - (field === 'size' ? 1 : 0);
    if (most < 1 || !fitsWith(most)) return undefined;
    let least = 1;
    while (least < most) {
      // Their sum may be beyond what a number tells exactly.
      const middle = least + Math.floor((most - least) / 2);
      if (fitsWith(middle)) most = middle;
      else least = middle + 1;
    }
    return most;
  }

  #shortageBy(need: VolumeNeed, field: Field, less: number): Shortage {
    const asked = need[field];
    if (field === 'size') return this.#tooLarge(need, asked - less);
    const format = field.endsWith('Bps') ? formatBytes : String;
    const reason = `Insufficient ${words[field]} on disks of class ${need.class}`;
    return shortage(reason, field, asked, asked - less, format);
  }

  /** Several things are in the way. */
  #shortageOfAll(needs: Needs): Shortage {
    const [largest = needs[0]] = [...needs].sort((a, b) => b.size - a.size);
    const asked = needs.reduce((sum, { size }) => sum + size, 0);
    const free = largest === undefined ? 0 : this.#mostFree(largest);
    const of = [...new Set(needs.map((need) => need.class))].join(' and ');
    const reason = `Insufficient disk of class ${of}`;
    const remedy = `make room on several disks of class ${of}, or ask for less in all Volumes,`;
    return { ...sizeShortage(reason, asked, Math.min(free, asked - 1)), remedy };
  }

  /** Undefined when they do not all fit. */
  #plan(needs: Needs): VolumePieces | undefined {
    const disksOf = new Map<VolumeNeed, string>();
    for (const name of new Set(needs.map((need) => need.class))) {
      const mine = needs.filter((need) => need.class === name);
      if (!this.#planClass(name, mine, disksOf)) return undefined;
    }
    return needs.map((need) => pieceOn(disksOf.get(need) ?? '', need));
  }

  /** Data that lie somewhere, then those that share, the largest first, then those that want a disk alone. */
  #planClass(name: string, needs: Needs, disksOf: Map<VolumeNeed, string>): boolean {
    const trial = this.#classes.get(name)?.volumes.copy();
    if (trial === undefined) return false;
    const sorted = [...needs].sort(byChoice);
    for (const need of sorted) {
      if (need.retained === undefined) continue;
      const disk = this.#holding(need);
      if (disk === undefined) return false;
      const share = this.#shareOf(pieceOn(disk.name, need));
      if (!trial.canTake(share)) return false;
      trial.take([share]);
      disksOf.set(need, disk.name);
    }
    const others = sorted.filter(({ retained }) => retained === undefined);
    const placed = trial.placeGroups(others.map((need) => [bindingOf(need)]));
    for (const [i, need] of others.entries()) disksOf.set(need, placed?.[i]?.volume ?? '');
    return placed !== undefined;
  }

  /** The disk of its class with the data that it takes up. */
  #holding(need: VolumeNeed): DiskRecord | undefined {
    const all = this.#classes.get(need.class)?.disks ?? [];
    return all.find(({ retained }) => retained.some(({ uid }) => uid === need.retained));
  }

  /** Data that are taken up are on the disk already; one's own disk is taken as a whole. */
  #shareOf(piece: VolumePiece): VolumeShare {
    const disk = this.#disks.get(piece.disk);
    const there = disk?.retained.find(({ uid }) => uid === piece.retained)?.size ?? 0;
    const size = piece.exclusive ? (disk?.size ?? 0) : piece.size;
    const left = Math.max(0, size - there);
    return { binding: bindingOf(piece), volume: piece.disk, size: left };
  }

  #volumesOf({ disk }: VolumePiece): NodeVolumes | undefined {
    return this.#classes.get(this.#disks.get(disk)?.class ?? '')?.volumes;
  }

  /** Why one does not fit that asks for a size alone. */
  #shortageOf(need: VolumeNeed): Shortage {
    if (this.#disksFor(need).length > 0) {
      return this.#tooLarge(need, Math.min(this.#mostFree(need), need.size - 1));
    }
    const isThere = need.retained !== undefined && this.#classes.has(need.class);
    const what = isThere
      ? `data of deleted Volume ${need.retained}`
      : `disk of class ${need.class}`;
    const remedy = isThere ? 'claim data that lie' : `have a ${what}`;
    return { ...sizeShortage(`no ${what}`, need.size, 0), remedy };
  }

  /** With what the largest disk has in all: nobody can free more. */
  #tooLarge(need: VolumeNeed, free: number): Shortage {
    const found = sizeShortage(sizeReason(need), need.size, free);
    const capacity = Math.max(0, ...this.#disksFor(need).map(({ size }) => size));
    return { ...found, capacity, text: { ...found.text, capacity: formatBytes(capacity) } };
  }

  /** Where it may lie at all. */
  #disksFor(need: VolumeNeed): readonly DiskRecord[] {
    if (need.retained === undefined) return this.#classes.get(need.class)?.disks ?? [];
    const holding = this.#holding(need);
    return holding === undefined ? [] : [holding];
  }

  #mostFree(need: VolumeNeed): number {
    return Math.max(0, ...this.#disksFor(need).map((disk) => this.#freeFor(need, disk)));
  }

  /** Bytes of a disk that this one could have. */
  #freeFor(need: VolumeNeed, { name, size, retained }: DiskRecord): number {
    const left = this.#classes.get(need.class)?.volumes.freeOn(name) ?? 0;
    const there = retained.find(({ uid }) => uid === need.retained)?.size ?? 0;
    if (need.exclusive && left + there < size) return 0;
    return left + there;
  }
}

function sizeReason(need: VolumeNeed): string {
  const what = need.exclusive ? 'unused disk' : 'disk';
  return `Insufficient ${what} of class ${need.class}`;
}

/** What of a Volume can be too much. */
type Field = 'size' | RateName;

type RateName = (typeof rateNames)[number];

const words = {
  readIops: 'readIOPS',
  writeIops: 'writeIOPS',
  readBps: 'readBPS',
  writeBps: 'writeBPS',
} as const;

function classOf(records: readonly DiskRecord[], name: string): DiskClass {
  const all = records.filter((disk) => disk.class === name);
  const volumes = new NodeVolumes(
    all.map((disk) => ({ path: disk.name, size: disk.size })),
    all.map((disk) => ({ ...disk, device: disk.name, mounts: [disk.name] })),
  );
  // What was left there takes its room, and no throughput.
  for (const disk of all) {
    const binding = bindingOf({ ...noRates, name: '', size: 0, exclusive: false });
    for (const { size } of disk.retained) volumes.take([{ binding, volume: disk.name, size }]);
  }
  return { disks: all, volumes };
}

const noRates = { readIops: 0, writeIops: 0, readBps: 0, writeBps: 0 };

function bindingOf(need: Pick<VolumeNeed, 'name' | 'size' | 'exclusive' | keyof typeof noRates>) {
  const { name, size, readIops, writeIops, readBps, writeBps } = need;
  const binding: VolumeBinding = {
    kind: need.exclusive ? 'mono' : 'normal',
    source: '',
    path: name,
    flags: '',
    size,
    readIops,
    writeIops,
    readBps,
    writeBps,
  };
  return binding;
}

/** Data that lie somewhere, then those that share, the largest first, then those that want a disk alone. */
function byChoice(a: VolumeNeed, b: VolumeNeed): number {
  const rank = ({ retained, exclusive }: VolumeNeed) =>
    retained !== undefined ? 0 : exclusive ? 2 : 1;
  return rank(a) - rank(b) || b.size - a.size;
}

function sizeShortage(reason: string, asked: number, free: number): Shortage {
  return shortage(reason, 'storage', asked, free, formatBytes);
}

function shortage(
  reason: string,
  resource: string,
  asked: number,
  free: number,
  format: ScalarDimension['format'],
): Shortage {
  const missing = asked - free;
  const text = { asked: format(asked), free: format(free), missing: format(missing, Math.ceil) };
  return {
    type: 'shortage',
    dimension: disksDimension,
    resource,
    reason,
    asked,
    free,
    missing,
    text,
  };
}
