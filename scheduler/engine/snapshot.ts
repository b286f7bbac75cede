/**
 * What the engine decides on: nodes, and what is placed on them. Columnar, and kept up to date in O(change); it
 * is the same whatever way it was reached, so a decision does not depend on the order of events.
 */
import type { JsonValue } from '../../api/meta.ts';
import { LargeMap } from '../../lib/large-map.ts';
import { type Dimensions, dimensionsOf } from '../dimensions/built-in.ts';
import type { Devices } from '../dimensions/dimension.ts';
import { ChangeLog } from './change-log.ts';
import { Columns } from './columns.ts';
import { NodeOrder } from './node-order.ts';
import { type NodeShape, NodeShapes } from './node-shapes.ts';
import { Peers, type Seat } from './peers/peers.ts';
import {
  type Allocation,
  type Amount,
  type NodeRecord,
  noDevices,
  type PlacementRequest,
} from './request.ts';

/** The part of a request that takes something. */
export type Footprint = Pick<
  PlacementRequest,
  'uid' | 'owner' | 'amounts' | 'parts' | 'peer' | 'peerRules'
>;

/** Where an instance is, and what it has there. */
export interface Placed {
  readonly footprint: Footprint;
  readonly node: string;
  readonly allocation: Allocation;
}

interface Placement {
  readonly footprint: Footprint;
  readonly allocation: Allocation;
  readonly seat: Seat | undefined;
  readonly site: Site;
  /** Where it stands among those of its site. */
  slot: number;
  /** What was taken from the devices, while the node is known. */
  pieces: Map<string, JsonValue> | undefined;
}

/** A name that instances are placed under: also of nodes that are not known (yet), whose instances are placed all the same. */
interface Site {
  readonly name: string;
  /** Undefined while there is no such node. */
  index: number | undefined;
  /** In no order. */
  readonly placements: Placement[];
}

export class Snapshot {
  readonly dimensions: Dimensions;
  readonly columns = new Columns();
  readonly log = new ChangeLog();
  readonly order = new NodeOrder();
  readonly peers = new Peers({
    nodes: () => this.#nodes(),
    touch: (index) => this.log.note(index),
    renew: () => this.columns.renew(),
  });
  readonly #sites = new Map<string, Site>();
  readonly #records: (NodeRecord | undefined)[] = [];
  /** By node index. */
  readonly #siteAt: (Site | undefined)[] = [];
  /** Indices of nodes that are gone, to be used again. */
  readonly #vacant: number[] = [];
  readonly #shapes = new NodeShapes();
  readonly #placements = new LargeMap<Placement>();
  readonly #owners = new Map<string, Map<number, number>>();
  readonly #devices = new Map<string, (Devices | undefined)[]>();

  #gpuNodes = 0;

  constructor(dimensions: Dimensions = dimensionsOf()) {
    this.dimensions = dimensions;
    for (const name of dimensions.structured.keys()) this.#devices.set(name, []);
  }

  /** How many nodes have GPUs. */
  get gpuNodes(): number {
    return this.#gpuNodes;
  }

  get nodeCount(): number {
    return this.order.length;
  }

  indexOf(name: string): number | undefined {
    return this.#sites.get(name)?.index;
  }

  /** Undefined where no node has that index. */
  recordAt(index: number): NodeRecord | undefined {
    return this.#records[index];
  }

  /** Undefined where no node has that index. */
  shapeAt(index: number): NodeShape | undefined {
    return this.#shapes.at(index);
  }

  /** By dimension; undefined where no node has that index. */
  devicesAt(dimension: string, index: number): Devices | undefined {
    return this.#devices.get(dimension)?.[index];
  }

  /** How many instances of an owner the nodes have, by node index; nodes without any are absent. */
  ownerCounts(owner: string): ReadonlyMap<number, number> | undefined {
    return this.#owners.get(owner);
  }

  /** The node an instance is placed on. */
  nodeOf(uid: string): string | undefined {
    return this.#placements.get(uid)?.site.name;
  }

  /** What is placed under that uid, as it was given to `assume`. */
  placementOf(uid: string): Placed | undefined {
    const placement = this.#placements.get(uid);
    if (placement === undefined) return undefined;
    const { footprint, site, allocation } = placement;
    return { footprint, node: site.name, allocation };
  }

  /** Uids of what is placed on a node, whether the node is known or not; in no order. */
  placedOn(node: string): readonly string[] {
    return this.#sites.get(node)?.placements.map(({ footprint }) => footprint.uid) ?? [];
  }

  /** Uids of everything placed. */
  placed(): Iterable<string> {
    return this.#placements.keys();
  }

  /** Adds or changes a node; false when nothing that matters here is different. */
  upsertNode(given: NodeRecord): boolean {
    const known = this.indexOf(given.name);
    const before = known === undefined ? undefined : this.#records[known];
    if (before !== undefined && sameRecord(before, given)) return false;
    const index = known ?? this.#addNode(given.name);
    const { traits = given.traits } = this.#shapes.set(index, given) ?? {};
    const record = { ...given, traits };
    this.#countGpuNodes(hasGpus(record) - hasGpus(before));
    this.#records[index] = record;
    for (const column of this.columns.all()) column.setCapacity(index, 0);
    for (const { resource, amount } of record.capacity) {
      this.columns.ensure(resource).setCapacity(index, amount);
    }
    this.#rebuildDevices(record, index, known === undefined);
    this.log.note(index);
    return true;
  }

  /** Forgets a node. What is placed on it stays placed, and counts again when the node comes back. */
  removeNode(name: string): void {
    const site = this.#sites.get(name);
    const index = site?.index;
    if (site === undefined || index === undefined) return;
    for (const placement of site.placements) this.#detach(placement, index);
    for (const column of this.columns.all()) column.setCapacity(index, 0);
    for (const devices of this.#devices.values()) devices[index] = undefined;
    this.peers.setNode(index, undefined);
    this.#shapes.set(index, undefined);
    this.#countGpuNodes(-hasGpus(this.#records[index]));
    this.#records[index] = undefined;
    this.#vacant.push(index);
    this.order.remove(name);
    site.index = undefined;
    this.#siteAt[index] = undefined;
    this.#forgetEmpty(site);
    this.log.note(index);
  }

  /**
   * Places an instance, whether it fits or not. Placing it again replaces the placement: an assumption and its
   * confirmation are one.
   */
  assume(footprint: Footprint, node: string, allocation: Allocation): void {
    this.release(footprint.uid);
    const site = this.#siteOf(node);
    const placement = this.#enter(footprint, site, allocation);
    if (site.index !== undefined) this.#attach(placement, site.index);
  }

  /**
   * As `assume` for each of as many as there are `nodes`, by their indices. They take the same, of devices nothing; what
   * goes to one node in a row is counted there once.
   */
  assumeAlike(footprints: readonly Footprint[], nodes: readonly number[]): void {
    const [alike] = footprints;
    if (alike === undefined || nodes.length === 0) return;
    const { owner } = alike;
    const takes = alike.amounts.map(({ resource, amount }) => {
      return { column: this.columns.ensure(resource), amount };
    });
    for (let from = 0; from < nodes.length; ) {
      const index = nodes[from] ?? 0;
      const site = this.#siteAt[index];
      let to = from + 1;
      while (nodes[to] === index) to += 1;
      for (const { column, amount } of takes) column.take(index, (to - from) * amount);
      if (owner !== undefined) this.#countOwner(owner, index, to - from);
      for (let i = from; i < to; i += 1) {
        const footprint = footprints[i];
        if (footprint === undefined || site === undefined) continue;
        this.release(footprint.uid);
        const { seat } = this.#enter(footprint, site, noDevices);
        if (seat !== undefined) this.peers.count(seat, index, 1);
      }
      this.log.note(index);
      from = to;
    }
  }

  /** The inverse of `assume`; false when nothing of that uid is placed. */
  release(uid: string): boolean {
    const placement = this.#placements.get(uid);
    if (placement === undefined) return false;
    this.#placements.delete(uid);
    const { site, slot, seat } = placement;
    // The last takes the place of the one that goes.
    const last = site.placements.pop();
    if (last !== undefined && last !== placement) {
      site.placements[slot] = last;
      last.slot = slot;
    }
    if (site.index !== undefined) this.#detach(placement, site.index);
    this.#forgetEmpty(site);
    if (seat !== undefined) this.peers.leave(seat);
    return true;
  }

  #enter(footprint: Footprint, site: Site, allocation: Allocation): Placement {
    const seat = this.peers.enter(footprint);
    const slot = site.placements.length;
    const placement: Placement = { footprint, allocation, seat, site, slot, pieces: undefined };
    this.#placements.set(footprint.uid, placement);
    site.placements.push(placement);
    return placement;
  }

  *#nodes(): IterableIterator<[number, NodeRecord]> {
    for (const index of this.order.indices()) {
      const record = this.#records[index];
      if (record !== undefined) yield [index, record];
    }
  }

  /** With the first and without the last of them, strategies weigh every node otherwise. */
  #countGpuNodes(by: number): void {
    const before = this.#gpuNodes;
    this.#gpuNodes += by;
    if ((before === 0) !== (this.#gpuNodes === 0)) this.columns.renew();
  }

  #siteOf(name: string): Site {
    const known = this.#sites.get(name);
    if (known !== undefined) return known;
    const site = { name, index: undefined, placements: [] };
    this.#sites.set(name, site);
    return site;
  }

  #forgetEmpty({ name, index, placements }: Site): void {
    if (index === undefined && placements.length === 0) this.#sites.delete(name);
  }

  #addNode(name: string): number {
    const index = this.#vacant.pop() ?? this.#records.length;
    this.columns.reserve(index + 1);
    const site = this.#siteOf(name);
    site.index = index;
    this.#siteAt[index] = site;
    this.order.add(name, index);
    return index;
  }

  /** Devices and places are made anew from the record, then everything placed takes its pieces again. */
  #rebuildDevices(record: NodeRecord, index: number, isNew: boolean): void {
    const { placements } = this.#siteOf(record.name);
    if (!isNew) for (const placement of placements) this.#detach(placement, index);
    this.peers.setNode(index, record);
    for (const [name, dimension] of this.dimensions.structured) {
      const devices = this.#devices.get(name);
      if (devices !== undefined) devices[index] = dimension.create(record);
    }
    for (const placement of placements) this.#attach(placement, index);
  }

  #attach(placement: Placement, index: number): void {
    const { owner, amounts, parts } = placement.footprint;
    this.#addAmounts(amounts, index, 1);
    if (owner !== undefined) this.#countOwner(owner, index, 1);
    if (placement.seat !== undefined) this.peers.count(placement.seat, index, 1);
    for (const { dimension, need } of parts) {
      const devices = this.#devices.get(dimension)?.[index];
      if (devices === undefined) continue;
      const stored = placement.allocation[dimension];
      const known = this.dimensions.structured.get(dimension);
      const read = stored === undefined ? undefined : known?.read(stored);
      const piece = read ?? devices.implied?.(need) ?? devices.allocate(need);
      devices.take(piece);
      placement.pieces ??= new Map();
      placement.pieces.set(dimension, piece);
    }
    this.log.note(index);
  }

  #detach(placement: Placement, index: number): void {
    const { owner, amounts } = placement.footprint;
    this.#addAmounts(amounts, index, -1);
    if (owner !== undefined) this.#countOwner(owner, index, -1);
    if (placement.seat !== undefined) this.peers.count(placement.seat, index, -1);
    if (placement.pieces !== undefined) {
      for (const [dimension, piece] of placement.pieces) {
        this.#devices.get(dimension)?.[index]?.release(piece);
      }
      placement.pieces = undefined;
    }
    this.log.note(index);
  }

  #addAmounts(amounts: readonly Amount[], index: number, times: number): void {
    for (const { resource, amount } of amounts) {
      this.columns.ensure(resource).take(index, times * amount);
    }
  }

  #countOwner(owner: string, index: number, by: number): void {
    let counts = this.#owners.get(owner);
    if (counts === undefined) {
      counts = new Map();
      this.#owners.set(owner, counts);
    }
    const left = (counts.get(index) ?? 0) + by;
    if (left > 0) counts.set(index, left);
    else counts.delete(index);
    if (counts.size === 0) this.#owners.delete(owner);
  }
}

function hasGpus(record: NodeRecord | undefined): 0 | 1 {
  return (record?.gpus ?? []).length > 0 ? 1 : 0;
}

function sameRecord(a: NodeRecord, b: NodeRecord): boolean {
  return (
    JSON.stringify(a.traits) === JSON.stringify(b.traits) &&
    JSON.stringify(a.capacity) === JSON.stringify(b.capacity) &&
    JSON.stringify(a.gpus) === JSON.stringify(b.gpus) &&
    JSON.stringify(a.cores) === JSON.stringify(b.cores) &&
    JSON.stringify(a.disks) === JSON.stringify(b.disks) &&
    sameLabels(a.labels, b.labels)
  );
}

function sameLabels(a: NodeRecord['labels'], b: NodeRecord['labels']): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
