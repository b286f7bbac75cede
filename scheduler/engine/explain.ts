/** Why a request does not fit: asked only after it was refused, so it may look at every node. */
import type { JsonValue } from '../../api/meta.ts';
import { nodeConstraints, traitConstraints } from '../constraints/built-in.ts';
import type { DomainRule } from '../constraints/constraint.ts';
import { maxPerNode } from '../constraints/max-per-node.ts';
import { domainRulesOf, ownerCountAt } from './evaluate.ts';
import type { NodeClass, Obstacle, Reasons, Refusal, Shortage } from './reasons.ts';
import type { PlacementRequest } from './request.ts';
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

/** All nodes, in classes of those that are refused for the same set of reasons. */
export function reasonsOf(snapshot: Snapshot, request: PlacementRequest): Reasons {
  const parts = reasonsInParts(snapshot, request);
  for (;;) {
    const part = parts.next();
    if (part.done === true) return part.value;
  }
}

/** As `reasonsOf`, with pauses: of each node is told what stood in the way when it was looked at. */
export function* reasonsInParts(
  snapshot: Snapshot,
  request: PlacementRequest,
): Generator<undefined, Reasons> {
  const rules = domainRulesOf(snapshot.peers, request);
  const lacks = request.amounts.map((amount) => reasonOf(snapshot, amount.resource));
  const classes = new Map<string, { nodes: number; distance: number; nearest: NodeClass }>();
  for (const [i, index] of snapshot.order.indices().slice().entries()) {
    if (i % partSize === partSize - 1) yield;
    const record = snapshot.recordAt(index);
    if (record === undefined) continue;
    const { key, distance } = glanceAt(snapshot, request, index, { rules, lacks });
    if (key === '') continue;
    const known = classes.get(key);
    if (known !== undefined) known.nodes += 1;
    if (known !== undefined && distance >= known.distance) continue;
    // In words only of those that are told of: as a rule few of the nodes.
    const obstacles = [
      ...ruleObstacles(snapshot, request, index, rules),
      ...shortages(snapshot, request, index),
    ];
    const nearest = { nodes: 0, nearest: record.name, obstacles };
    if (known === undefined) classes.set(key, { nodes: 1, distance, nearest });
    else Object.assign(known, { distance, nearest });
  }
  const list = [...classes.values()].map(({ nodes: count, nearest }) => ({
    ...nearest,
    nodes: count,
  }));
  const nodes = snapshot.nodeCount;
  return { nodes, classes: list.sort((a, b) => b.nodes - a.nodes || order(a.nearest, b.nearest)) };
}

/** Which reasons there are on a node, empty when it fits, and the part of what is asked that is missing. */
function glanceAt(
  snapshot: Snapshot,
  request: PlacementRequest,
  index: number,
  { rules, lacks }: { readonly rules: readonly DomainRule[]; readonly lacks: readonly string[] },
): { readonly key: string; readonly distance: number } {
  let key = '';
  let distance = 0;
  for (const { reason } of ruleObstacles(snapshot, request, index, rules)) key += `${reason}\n`;
  for (const [k, { resource, amount }] of request.amounts.entries()) {
    const missing = amount - leftOf(snapshot, resource, index);
    if (missing <= 0) continue;
    key += `${lacks[k]}\n`;
    distance += missing / amount;
  }
  for (const { dimension, need } of request.parts) {
    const shortage = deviceShortage(snapshot, dimension, need, index);
    if (shortage === undefined) continue;
    key += `${shortage.reason}\n`;
    distance += shortage.missing / shortage.asked;
  }
  return { key, distance };
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
    const format = dimension?.format ?? String;
    found.push({
      type: 'shortage',
      dimension: dimension?.name ?? 'extended',
      resource,
      reason: reasonOf(snapshot, resource),
      asked: amount,
      free,
      missing,
      text: { asked: format(amount), free: format(free), missing: format(missing) },
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
