/**
 * Each and Fill: the pending instances of one owner are decided together, so many for each of so many nodes, with
 * Eru's definitions. The first of them come only when there is room for the whole layout. Later, what was lost or has
 * become possible is raised where it can be: one full node must not keep another from being mended.
 */
import type { JsonValue } from '../../api/meta.ts';
import { type Candidate, type Distribution, distribute } from '../strategies/distribute.ts';
import type { Strategy } from '../strategies/strategy.ts';
import type { Decision, Placed } from './decision.ts';
import {
  type CostOf,
  costFunction,
  domainRulesOf,
  ownerCountAt,
  roomAt,
  withRules,
} from './evaluate.ts';
import { isAllowedOn, reasonsOf } from './explain.ts';
import type { Allocation, Layout, PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';
import { refused } from './verdict.ts';

/** All nodes are as good: the layout decides. */
const byLayout: Strategy = { name: 'Each', readsRoom: false, cost: () => 0 };

interface GroupNode extends Candidate {
  readonly index: number;
}

/** `requests` are of one class, with this layout. What is placed is assumed in the snapshot. */
export function decideGroup(
  snapshot: Snapshot,
  requests: readonly PlacementRequest[],
  layout: Layout,
): readonly Decision[] {
  const [request] = requests;
  if (request === undefined) return [];
  const rules = domainRulesOf(snapshot.peers, request);
  const costOf = withRules(costFunction(snapshot, request, byLayout), rules);
  const nodes = nodesFor(snapshot, request, layout, costOf);
  const isFirst = nodes.every(({ count }) => count === 0);
  const wanted = isFirst ? whole(request, layout, nodes) : rest(layout, nodes);
  if (wanted.type === 'refused') return requests.map(refuse(snapshot, request, wanted.message));
  const placed = place(snapshot, requests, costOf, slotsOf(nodes, wanted.replicas));
  const asked = wanted.replicas.reduce((sum, replicas) => sum + replicas, 0);
  if (placed.length < Math.min(asked, requests.length) && isFirst) {
    for (const { uid } of requests) snapshot.release(uid);
    const why = 'rules between instances leave too few nodes';
    return requests.map(refuse(snapshot, request, why));
  }
  const why = `the nodes that can have any have ${layout.perNode} each`;
  const surplus = requests.slice(placed.length).map(refuse(snapshot, request, why));
  return [...placed, ...surplus];
}

/** Nodes that no rule excludes, and those that have an instance of the owner already. */
function nodesFor(
  snapshot: Snapshot,
  request: PlacementRequest,
  { perNode }: Layout,
  costOf: CostOf,
): readonly GroupNode[] {
  const nodes: GroupNode[] = [];
  for (const index of snapshot.order.indices()) {
    const count = ownerCountAt(snapshot, request, index);
    const fits = costOf(index) !== refused;
    if (!fits && count === 0 && !isAllowedOn(snapshot, request, index)) continue;
    const room = fits ? roomAt(snapshot, request, index) : 0;
    // What a node has too many is nothing that it could be raised by.
    nodes.push({ index, count: Math.min(count, perNode), capacity: room, usage: 0, rate: 0 });
  }
  return nodes;
}

/** All or nothing. */
function whole(
  { strategy }: PlacementRequest,
  { perNode, nodes: limit = 0 }: Layout,
  nodes: readonly GroupNode[],
): Distribution {
  return distribute(strategy === 'Each' ? 'Each' : 'Fill', nodes, { need: perNode, limit });
}

/** The nodes that have the most already are brought up to what they should have, as far as there is room. */
function rest(
  { perNode, nodes: limit = nodesMax }: Layout,
  nodes: readonly GroupNode[],
): Distribution {
  const able = nodes.map((node) => node.count + node.capacity >= perNode);
  const fitting = nodes.filter((_, at) => able[at]);
  const wanted = { need: perNode, limit: Math.min(limit, fitting.length) };
  const answer = distribute('Fill', fitting, wanted);
  if (answer.type === 'refused') return answer;
  const replicas = answer.replicas.values();
  return { ...answer, replicas: able.map((isAble) => (isAble ? (replicas.next().value ?? 0) : 0)) };
}

const nodesMax = Number.MAX_SAFE_INTEGER;

/** Node indices, one for each instance: those first that have the most, then those with the most room. */
function slotsOf(nodes: readonly GroupNode[], replicas: readonly number[]): readonly number[] {
  return nodes
    .map((node, at) => ({ node, replicas: replicas[at] ?? 0 }))
    .filter((each) => each.replicas > 0)
    .sort((a, b) => b.node.count - a.node.count || b.node.capacity - a.node.capacity)
    .flatMap((each) => new Array<number>(each.replicas).fill(each.node.index));
}

function place(
  snapshot: Snapshot,
  requests: readonly PlacementRequest[],
  costOf: CostOf,
  slots: readonly number[],
): readonly Placed[] {
  const placed: Placed[] = [];
  for (const index of slots) {
    const request = requests[placed.length];
    const node = snapshot.recordAt(index)?.name;
    if (request === undefined || node === undefined) break;
    // By a rule between instances: of those room says nothing.
    if (costOf(index) === refused) continue;
    const allocation = allocationOn(snapshot, request, index);
    snapshot.assume(request, node, allocation);
    placed.push({ type: 'placed', node, allocation });
  }
  return placed;
}

function allocationOn(snapshot: Snapshot, { parts }: PlacementRequest, index: number): Allocation {
  const pieces: [string, JsonValue][] = [];
  for (const { dimension, need } of parts) {
    const devices = snapshot.devicesAt(dimension, index);
    if (devices !== undefined) pieces.push([dimension, devices.allocate(need)]);
  }
  return Object.fromEntries(pieces);
}

function refuse(snapshot: Snapshot, request: PlacementRequest, why: string): () => Decision {
  const { classes, nodes } = reasonsOf(snapshot, request);
  const reasons = { nodes, request: `strategy ${request.strategy}: ${why}`, classes };
  return () => ({ type: 'refused', reasons });
}
