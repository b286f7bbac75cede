/** How good the present placement is: to compare two of them, such as before and after moving something. Pure. */
import type { PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';

export interface PlacementScore {
  /** 100 = of what is free, everything is of use to instances like those that are there. */
  readonly score: number;
  readonly nodes: number;
  /** Nodes that carry anything. */
  readonly usedNodes: number;
  /** Nodes that have less than was taken from them: bound by force, or shrunk since. */
  readonly overcommittedNodes: number;
  /** By resource, or by the name of a structured dimension; only what nodes have any of. */
  readonly dimensions: Readonly<Record<string, DimensionScore>>;
}

export interface DimensionScore {
  readonly capacity: number;
  readonly used: number;
  /** Of the capacity: 0 to 1, more by force only. */
  readonly utilisation: number;
  /**
   * The part of what is free that lies where instances like those that are placed do not fit, weighed by how many of
   * them there are and counting only those that ask for it: 0 to 1.
   */
  readonly fragmentation: number;
}

/** Instances that are alike in what they take. */
interface Kind {
  readonly amounts: PlacementRequest['amounts'];
  readonly parts: PlacementRequest['parts'];
  count: number;
}

/** Kinds of instances that are looked at, the most frequent first. */
const kindsMax = 64;

interface Tally {
  capacity: number;
  used: number;
  free: number;
  /** Free, times the part of the instances that ask for it and do not fit there. */
  lost: number;
}

export function scorePlacement(snapshot: Snapshot): PlacementScore {
  const kinds = kindsOf(snapshot);
  const tallies = new Map<string, Tally>();
  let overcommittedNodes = 0;
  for (const index of snapshot.order.indices()) {
    const amounts = amountsAt(snapshot, index);
    if (amounts.some(({ capacity, used }) => used > capacity)) overcommittedNodes += 1;
    const fitting = kinds.map((kind) => fitsOn(snapshot, kind, index));
    for (const { name, capacity, used } of amounts) {
      const tally = tallies.get(name) ?? { capacity: 0, used: 0, free: 0, lost: 0 };
      tallies.set(name, tally);
      const free = Math.max(0, capacity - used);
      tally.capacity += capacity;
      tally.used += used;
      tally.free += free;
      tally.lost += free * lostPart(kinds, fitting, name);
    }
  }
  const dimensions = Object.fromEntries(
    [...tallies].sort(byName).map(([name, tally]) => [name, dimensionScore(tally)]),
  );
  const asked = [...tallies].filter(([name]) => kinds.some((kind) => asksFor(kind, name)));
  const lost = asked.map(([, tally]) => (tally.free === 0 ? 0 : tally.lost / tally.free));
  const mean = lost.reduce((sum, part) => sum + part, 0) / Math.max(1, lost.length);
  return {
    score: Math.round((1 - mean) * 10_000) / 100,
    nodes: snapshot.nodeCount,
    usedNodes: usedNodes(snapshot),
    overcommittedNodes,
    dimensions,
  };
}

function dimensionScore({ capacity, used, free, lost }: Tally): DimensionScore {
  const fragmentation = free === 0 ? 0 : lost / free;
  return { capacity, used, utilisation: capacity === 0 ? 0 : used / capacity, fragmentation };
}

function kindsOf(snapshot: Snapshot): readonly Kind[] {
  const kinds = new Map<string, Kind>();
  for (const uid of snapshot.placed()) {
    const footprint = snapshot.placementOf(uid)?.footprint;
    if (footprint === undefined) continue;
    const { amounts, parts } = footprint;
    const key = JSON.stringify([amounts, parts]);
    const kind = kinds.get(key) ?? { amounts, parts, count: 0 };
    kind.count += 1;
    kinds.set(key, kind);
  }
  const ordered = [...kinds].sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1));
  return ordered.slice(0, kindsMax).map(([, kind]) => kind);
}

function fitsOn(snapshot: Snapshot, { amounts, parts }: Kind, index: number): boolean {
  for (const { resource, amount } of amounts) {
    const free = snapshot.columns.get(resource)?.freeAt(index) ?? 0;
    if (amount > free) return false;
  }
  return parts.every(
    ({ dimension, need }) => snapshot.devicesAt(dimension, index)?.fits(need) ?? false,
  );
}

function lostPart(kinds: readonly Kind[], fitting: readonly boolean[], name: string): number {
  let asking = 0;
  let lost = 0;
  for (const [k, kind] of kinds.entries()) {
    if (!asksFor(kind, name)) continue;
    asking += kind.count;
    if (fitting[k] !== true) lost += kind.count;
  }
  return asking === 0 ? 0 : lost / asking;
}

function asksFor({ amounts, parts }: Kind, name: string): boolean {
  return (
    amounts.some(({ resource }) => resource === name) ||
    parts.some(({ dimension }) => dimension === name)
  );
}

function amountsAt(
  snapshot: Snapshot,
  index: number,
): { readonly name: string; readonly capacity: number; readonly used: number }[] {
  const scalars = [...snapshot.columns.all()].map((column) => ({
    name: column.resource,
    capacity: column.capacityAt(index),
    used: column.usedAt(index),
  }));
  const devices = [...snapshot.dimensions.structured.keys()].flatMap((name) => {
    const usage = snapshot.devicesAt(name, index)?.usage?.();
    return usage === undefined ? [] : [{ name, ...usage }];
  });
  return [...scalars, ...devices].filter(({ capacity, used }) => capacity > 0 || used > 0);
}

function usedNodes(snapshot: Snapshot): number {
  const nodes = new Set<string>();
  for (const uid of snapshot.placed()) {
    const node = snapshot.nodeOf(uid);
    if (node !== undefined && snapshot.indexOf(node) !== undefined) nodes.add(node);
  }
  return nodes.size;
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
