/** Why a request does not fit: asked only after it was refused, so it may look at every node. */
import { nodeConstraints, traitConstraints } from '../constraints/built-in.ts';
import type { DomainRule } from '../constraints/constraint.ts';
import { maxPerNode } from '../constraints/max-per-node.ts';
import { domainRulesOf, ownerCountAt } from './evaluate.ts';
import type { NodeClass, Obstacle, Reasons, Refusal, Shortage } from './reasons.ts';
import type { PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';

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

/** All nodes, in classes of those that are refused for the same set of reasons. */
export function reasonsOf(snapshot: Snapshot, request: PlacementRequest): Reasons {
  const nodes = snapshot.nodeCount;
  const rules = domainRulesOf(snapshot.peers, request);
  const classes = new Map<string, { nodes: number; distance: number; nearest: NodeClass }>();
  for (const index of snapshot.order.indices()) {
    const record = snapshot.recordAt(index);
    const obstacles =
      record === undefined ? undefined : obstaclesOn(snapshot, request, record.name, rules);
    if (record === undefined || obstacles === undefined || obstacles.length === 0) continue;
    const key = obstacles.map((obstacle) => obstacle.reason).join('\n');
    const distance = distanceOf(obstacles);
    const known = classes.get(key);
    const nearest = { nodes: 0, nearest: record.name, obstacles };
    if (known === undefined) classes.set(key, { nodes: 1, distance, nearest });
    else {
      known.nodes += 1;
      if (distance < known.distance) Object.assign(known, { distance, nearest });
    }
  }
  const list = [...classes.values()].map(({ nodes: count, nearest }) => ({
    ...nearest,
    nodes: count,
  }));
  return { nodes, classes: list.sort((a, b) => b.nodes - a.nodes || order(a.nearest, b.nearest)) };
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The part of what is asked that is missing, over all shortages. */
function distanceOf(obstacles: readonly Obstacle[]): number {
  let distance = 0;
  for (const obstacle of obstacles) {
    if (obstacle.type === 'shortage') distance += obstacle.missing / obstacle.asked;
  }
  return distance;
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
    const column = snapshot.columns.get(resource);
    const left = (column?.capacity[index] ?? 0) - (column?.used[index] ?? 0);
    if (amount <= left) continue;
    // What is bound is bound: more may be taken than there is, and all of that has to go first.
    const free = Math.max(0, left);
    const missing = amount - left;
    const format = dimension?.format ?? String;
    found.push({
      type: 'shortage',
      dimension: dimension?.name ?? 'extended',
      resource,
      reason: dimension?.reason(resource) ?? `Insufficient ${resource}`,
      asked: amount,
      free,
      missing,
      text: { asked: format(amount), free: format(free), missing: format(missing) },
    });
  }
  for (const { dimension, need } of request.parts) {
    const devices = snapshot.devicesAt(dimension, index);
    const shortage = devices === undefined ? unknown(dimension) : devices.explain(need);
    if (shortage !== undefined) found.push(shortage);
  }
  return found;
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
