/** Why a request does not fit: asked only after it was refused, so it may look at every node. */
import type { JsonValue } from '../../api/meta.ts';
import { nodeConstraints, traitConstraints } from '../constraints/built-in.ts';
import type { DomainRule } from '../constraints/constraint.ts';
import { maxPerNode } from '../constraints/max-per-node.ts';
import { domainRulesOf, ownerCountAt } from './evaluate.ts';
import type { Obstacle, Reasons, Refusal, Shortage } from './reasons.ts';
import type { NodeRecord, NodeTraits, PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';

/** Nodes that are looked at in one part. */
const partSize = 512;

/** Everything that stands in the way on one node; empty when it fits, undefined when there is no such node. */
export function obstaclesOn(
  snapshot: Snapshot,
  request: PlacementRequest,
  node: string,
  rules: readonly DomainRule[] = domainRulesOf(snapshot.peers, request),
): readonly Obstacle[] | undefined {
  const index = snapshot.indexOf(node);
  const record = index === undefined ? undefined : snapshot.recordAt(index);
  if (index === undefined || record === undefined) return undefined;
  return [
    ...ruleObstacles(snapshot, request, index, rules),
    ...shortages(snapshot, request, index),
  ];
}

/** Whether the rules about nodes allow it there, whatever room there is and whoever is near. */
export function isAllowedOn(snapshot: Snapshot, request: PlacementRequest, index: number): boolean {
  return ruleObstacles(snapshot, request, index, []).every(({ rule }) => rule === maxPerNode.name);
}

/** For a strategy that nobody offers. */
export function unavailable({ nodeCount }: Snapshot, { strategy }: PlacementRequest): Reasons {
  const request = `strategy ${strategy} is not available yet`;
  return { nodes: nodeCount, request, classes: [] };
}

/**
 * All nodes, in classes of those that are refused for the same set of reasons. Pauses: of each node is told what stood in
 * the way when it was looked at.
 */
export function* reasonsInParts(
  snapshot: Snapshot,
  request: PlacementRequest,
): Generator<undefined, Reasons> {
  const rules = domainRulesOf(snapshot.peers, request);
  const glanceAt = glances(snapshot, request, rules);
  const classes = new Map<string, Seen>();
  const indices = snapshot.order.indices().slice();
  for (let from = 0; from < indices.length; from += partSize) {
    if (from > 0) yield;
    const nearer = new Set<Seen>();
    for (let at = from; at < Math.min(from + partSize, indices.length); at += 1) {
      const index = indices[at] ?? 0;
      const { key, distance } = glanceAt(index);
      if (key === '') continue;
      let seen = classes.get(key);
      if (seen === undefined) {
        seen = { nodes: 0, distance, index, nearest: '', obstacles: [] };
        classes.set(key, seen);
      }
      seen.nodes += 1;
      if (seen.nodes > 1 && distance >= seen.distance) continue;
      seen.distance = distance;
      seen.index = index;
      nearer.add(seen);
    }
    // In words only of those that are told of: few of the nodes.
    for (const seen of nearer) {
      seen.nearest = snapshot.recordAt(seen.index)?.name ?? '';
      seen.obstacles = [
        ...ruleObstacles(snapshot, request, seen.index, rules),
        ...shortages(snapshot, request, seen.index),
      ];
    }
  }
  const list = [...classes.values()].map(({ nodes: count, nearest, obstacles }) => ({
    nodes: count,
    nearest,
    obstacles,
  }));
  const nodes = snapshot.nodeCount;
  return { nodes, classes: list.sort((a, b) => b.nodes - a.nodes || order(a.nearest, b.nearest)) };
}

/** The nodes of one class that were looked at so far, and the nearest of them. */
interface Seen {
  nodes: number;
  distance: number;
  index: number;
  nearest: string;
  obstacles: readonly Obstacle[];
}

/** True until the next node is looked at. */
interface Glance {
  /** Which reasons there are; empty where it fits, or where there is no node. */
  key: string;
  /** The part of what is asked that is missing. */
  distance: number;
}

/** Nodes without words. What many of them have in common is asked once. */
function glances(
  snapshot: Snapshot,
  request: PlacementRequest,
  rules: readonly DomainRule[],
): (index: number) => Glance {
  const { amounts, parts } = request;
  const columns = amounts.map(({ resource }) => snapshot.columns.get(resource));
  const lackReasons = amounts.map(({ resource }) => reasonOf(snapshot, resource));
  const constraints = nodeConstraints.filter((constraint) => constraint.applies(request));
  const byTraits = new Map<NodeTraits, string>();
  /** By the amounts that are too little, a power of two for each. */
  const byLacks = new Map<number, string>();
  const glance: Glance = { key: '', distance: 0 };

  const traitsKey = (traits: NodeTraits): string => {
    let key = byTraits.get(traits);
    if (key === undefined) {
      key = keyOf(traitConstraints.map((constraint) => constraint.refuse(request, traits)));
      byTraits.set(traits, key);
    }
    return key;
  };
  const rulesKey = (index: number, { name, labels }: NodeRecord): string => {
    if (constraints.length + rules.length === 0) return '';
    const facts = { name, labels, ownerCount: ownerCountAt(snapshot, request, index) };
    return keyOf([
      ...constraints.map((constraint) => constraint.refuse(request, facts)),
      ...rules.map((rule) => rule.refuse(rule.topology.domainOf(index))),
    ]);
  };
  const amountsKey = (index: number): string => {
    let lacks = 0;
    for (let k = 0; k < amounts.length; k += 1) {
      const amount = amounts[k]?.amount ?? 0;
      const missing = amount - (columns[k]?.freeAt(index) ?? 0);
      if (missing <= 0) continue;
      lacks += 2 ** k;
      glance.distance += missing / amount;
    }
    if (lacks === 0) return '';
    let key = byLacks.get(lacks);
    if (key === undefined) {
      const isLack = (k: number) => Math.floor(lacks / 2 ** k) % 2 === 1;
      key = keyOf(lackReasons.map((reason, k) => (isLack(k) ? { reason } : undefined)));
      byLacks.set(lacks, key);
    }
    return key;
  };
  const partsKey = (index: number): string => {
    if (parts.length === 0) return '';
    const found = parts.map(({ dimension, need }) =>
      deviceShortage(snapshot, dimension, need, index),
    );
    for (const each of found) glance.distance += each === undefined ? 0 : each.missing / each.asked;
    return keyOf(found);
  };

  return (index) => {
    const record = snapshot.recordAt(index);
    glance.distance = 0;
    glance.key =
      record === undefined
        ? ''
        : traitsKey(record.traits) + rulesKey(index, record) + amountsKey(index) + partsKey(index);
    return glance;
  };
}

function keyOf(obstacles: readonly ({ readonly reason: string } | undefined)[]): string {
  let key = '';
  for (const obstacle of obstacles) if (obstacle !== undefined) key += `${obstacle.reason}\n`;
  return key;
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function ruleObstacles(
  snapshot: Snapshot,
  request: PlacementRequest,
  index: number,
  rules: readonly DomainRule[],
): Refusal[] {
  const record = snapshot.recordAt(index);
  if (record === undefined) return [];
  const { name, labels } = record;
  const facts = { name, labels, ownerCount: ownerCountAt(snapshot, request, index) };
  const obstacles: Refusal[] = [];
  for (const constraint of traitConstraints) {
    const refusal = constraint.refuse(request, record.traits);
    if (refusal !== undefined) obstacles.push(refusal);
  }
  for (const constraint of nodeConstraints) {
    const refusal = constraint.applies(request) ? constraint.refuse(request, facts) : undefined;
    if (refusal !== undefined) obstacles.push(refusal);
  }
  for (const rule of rules) {
    const refusal = rule.refuse(rule.topology.domainOf(index));
    if (refusal !== undefined) obstacles.push(refusal);
  }
  return obstacles;
}

function shortages(snapshot: Snapshot, request: PlacementRequest, index: number): Shortage[] {
  const found: Shortage[] = [];
  for (const { resource, amount } of request.amounts) {
    const dimension = snapshot.dimensions.covering(resource);
    const left = leftOf(snapshot, resource, index);
    if (amount <= left) continue;
    // What is bound is bound: more may be taken than there is, and all of that has to go first.
    const free = Math.max(0, left);
    const missing = amount - left;
    const capacity = snapshot.columns.get(resource)?.capacityAt(index) ?? 0;
    const format = dimension?.format ?? String;
    found.push({
      type: 'shortage',
      dimension: dimension?.name ?? 'extended',
      resource,
      reason: reasonOf(snapshot, resource),
      asked: amount,
      free,
      missing,
      capacity,
      text: {
        asked: format(amount),
        free: format(free),
        missing: format(missing, Math.ceil),
        capacity: format(capacity),
      },
    });
  }
  for (const { dimension, need } of request.parts) {
    const shortage = deviceShortage(snapshot, dimension, need, index);
    if (shortage !== undefined) found.push(shortage);
  }
  return found;
}

function leftOf({ columns }: Snapshot, resource: string, index: number): number {
  return columns.get(resource)?.freeAt(index) ?? 0;
}

function reasonOf({ dimensions }: Snapshot, resource: string): string {
  return dimensions.covering(resource)?.reason(resource) ?? `Insufficient ${resource}`;
}

function deviceShortage(
  snapshot: Snapshot,
  dimension: string,
  need: JsonValue,
  index: number,
): Shortage | undefined {
  const devices = snapshot.devicesAt(dimension, index);
  return devices === undefined ? unknown(dimension) : devices.explain(need);
}

function unknown(dimension: string): Shortage {
  return {
    type: 'shortage',
    dimension,
    resource: dimension,
    reason: `dimension ${dimension} is not known`,
    asked: 1,
    free: 0,
    missing: 1,
    text: { asked: '1', free: '0' },
    remedy: `make the Dimension ${dimension}, or do not ask for it`,
  };
}
