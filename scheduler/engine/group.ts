/**
 * Each and Fill: the pending instances of one owner are decided together, so many for each of so many nodes, with
 * Eru's definitions. The first of them come only when there is room for the whole layout. Later, what was lost or has
 * become possible is raised where it can be: one full node must not keep another from being mended.
 */
import type { JsonValue } from '../../api/meta.ts';
import {
  type Candidate,
  type Distribution,
  distributeInParts,
  fullestFirst,
} from '../strategies/distribute.ts';
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
import { isAllowedOn, reasonsInParts } from './explain.ts';
import type { Allocation, Layout, PlacementRequest } from './request.ts';
import type { Snapshot } from './snapshot.ts';
import { refused } from './verdict.ts';

/** All nodes are as good: the layout decides. */
const byLayout: Strategy = { name: 'Each', readsRoom: false, cost: () => 0 };

/** Nodes that are looked at, or instances that are placed, in one part. */
const partSize = 256;

/** On a large cluster something changes in every pause: it must come to an end all the same. */
const attemptsMax = 3;

interface GroupNode extends Candidate {
  readonly index: number;
}

/**
 * `requests` are of one class, with this layout. What is placed is assumed in the snapshot. Pauses after each part; what
 * somebody else has placed meanwhile stays where it is.
 */
export function* decideGroup(
  snapshot: Snapshot,
  requests: readonly PlacementRequest[],
  layout: Layout,
): Generator<undefined, readonly Decision[]> {
  const [request] = requests;
  if (request === undefined) return [];
  for (let attempt = 1; ; attempt += 1) {
    const deciding = decide(snapshot, request, requests, layout);
    let isDisturbed = false;
    let part = deciding.next();
    for (; part.done !== true; part = deciding.next()) {
      const { position } = snapshot.log;
      yield;
      isDisturbed ||= position !== snapshot.log.position;
    }
    if (part.value !== undefined) return part.value;
    // Nodes that were good for the whole layout are not any more: others may be.
    if (isDisturbed && attempt < attemptsMax) continue;
    const why = 'rules between instances leave too few nodes';
    const refusal = yield* refuse(snapshot, request, why);
    return requests.map(() => refusal);
  }
}

/** Undefined where the whole layout was possible, as far as nodes tell by themselves, and then was not. */
function* decide(
  snapshot: Snapshot,
  request: PlacementRequest,
  requests: readonly PlacementRequest[],
  layout: Layout,
): Generator<undefined, readonly Decision[] | undefined> {
  const nodes = yield* nodesFor(snapshot, request, layout);
  yield;
  const isFirst = nodes.every(({ count }) => count === 0);
  const wanted = yield* isFirst ? whole(request, layout, nodes) : rest(layout, nodes);
  if (wanted.type === 'refused') {
    const refusal = yield* refuse(snapshot, request, wanted.message);
    return requests.map(() => refusal);
  }
  yield;
  const slots = slotsOf(nodes, wanted.replicas);
  yield;
  const { placed, own } = yield* place(snapshot, requests, slots);
  if (placed.length === requests.length) return placed;
  if (placed.length < slots.length && isFirst) {
    for (const uid of own) snapshot.release(uid);
    return undefined;
  }
  const why = `the nodes that can have any have ${layout.perNode} each`;
  const refusal = yield* refuse(snapshot, request, why);
  const surplus = requests.slice(placed.length);
  return [...placed, ...surplus.map((each) => placedAlready(snapshot, each) ?? refusal)];
}

/** Nodes that no rule excludes, and those that have an instance of the owner already. */
function* nodesFor(
  snapshot: Snapshot,
  request: PlacementRequest,
  { perNode }: Layout,
): Generator<undefined, readonly GroupNode[]> {
  const nodes: GroupNode[] = [];
  let costOf = costs(snapshot, request);
  for (const [i, index] of snapshot.order.indices().slice().entries()) {
    if (i % partSize === partSize - 1) {
      yield;
      costOf = costs(snapshot, request);
    }
    const count = ownerCountAt(snapshot, request, index);
    const fits = costOf(index) !== refused;
    if (!fits && count === 0 && !isAllowedOn(snapshot, request, index)) continue;
    const room = fits ? roomAt(snapshot, request, index) : 0;
    // What a node has too many is nothing that it could be raised by.
    nodes.push({ index, count: Math.min(count, perNode), capacity: room, usage: 0, rate: 0 });
  }
  return nodes;
}

/** True until others have had their turn. */
function costs(snapshot: Snapshot, request: PlacementRequest): CostOf {
  const rules = domainRulesOf(snapshot.peers, request);
  return withRules(costFunction(snapshot, request, byLayout), rules);
}

/** All or nothing. */
function whole(
  { strategy }: PlacementRequest,
  { perNode, nodes: limit = 0 }: Layout,
  nodes: readonly GroupNode[],
): Generator<undefined, Distribution> {
  const like = strategy === 'Each' ? 'Each' : 'Fill';
  return distributeInParts(like, nodes, { need: perNode, limit });
}

/** The nodes that have the most already are brought up to what they should have, as far as there is room. */
function* rest(
  { perNode, nodes: limit = nodesMax }: Layout,
  nodes: readonly GroupNode[],
): Generator<undefined, Distribution> {
  const able = nodes.map((node) => node.count + node.capacity >= perNode);
  const fitting = nodes.filter((_, at) => able[at]);
  const wanted = { need: perNode, limit: Math.min(limit, fitting.length) };
  yield;
  const answer = yield* distributeInParts('Fill', fitting, wanted);
  if (answer.type === 'refused') return answer;
  const replicas = answer.replicas.values();
  return { ...answer, replicas: able.map((isAble) => (isAble ? (replicas.next().value ?? 0) : 0)) };
}

const nodesMax = Number.MAX_SAFE_INTEGER;

/** Node indices, one for each instance: those first that have the most, then those with the most room. */
function slotsOf(nodes: readonly GroupNode[], replicas: readonly number[]): readonly number[] {
  const slots: number[] = [];
  for (const at of fullestFirst(nodes)) {
    const index = nodes[at]?.index ?? 0;
    for (let left = replicas[at] ?? 0; left > 0; left -= 1) slots.push(index);
  }
  return slots;
}

interface Laid {
  /** By request, from the first on. */
  readonly placed: Placed[];
  /** Uids of those that were placed here. */
  readonly own: string[];
}

function* place(
  snapshot: Snapshot,
  requests: readonly PlacementRequest[],
  slots: readonly number[],
): Generator<undefined, Laid> {
  const placed: Placed[] = [];
  const own: string[] = [];
  let costOf: CostOf | undefined;
  for (const [i, index] of slots.entries()) {
    if (i % partSize === partSize - 1) {
      yield;
      costOf = undefined;
    }
    const request = nextOf(snapshot, requests, placed);
    const node = snapshot.recordAt(index)?.name;
    if (request === undefined) break;
    costOf ??= costs(snapshot, request);
    // By a rule between instances: of those room says nothing.
    if (node === undefined || costOf(index) === refused) continue;
    const allocation = allocationOn(snapshot, request, index);
    snapshot.assume(request, node, allocation);
    placed.push({ type: 'placed', node, allocation });
    own.push(request.uid);
  }
  return { placed, own };
}

/** The next request that nobody has placed; those before it are added to what is placed. */
function nextOf(
  snapshot: Snapshot,
  requests: readonly PlacementRequest[],
  placed: Placed[],
): PlacementRequest | undefined {
  for (;;) {
    const request = requests[placed.length];
    const already = request === undefined ? undefined : placedAlready(snapshot, request);
    if (already === undefined) return request;
    placed.push(already);
  }
}

function placedAlready(snapshot: Snapshot, { uid }: PlacementRequest): Placed | undefined {
  const known = snapshot.placementOf(uid);
  if (known === undefined) return undefined;
  return { type: 'placed', node: known.node, allocation: known.allocation };
}

function allocationOn(snapshot: Snapshot, { parts }: PlacementRequest, index: number): Allocation {
  const pieces: [string, JsonValue][] = [];
  for (const { dimension, need } of parts) {
    const devices = snapshot.devicesAt(dimension, index);
    if (devices !== undefined) pieces.push([dimension, devices.allocate(need)]);
  }
  return Object.fromEntries(pieces);
}

function* refuse(
  snapshot: Snapshot,
  request: PlacementRequest,
  why: string,
): Generator<undefined, Decision> {
  const { classes, nodes } = yield* reasonsInParts(snapshot, request);
  const reasons = { nodes, request: `strategy ${request.strategy}: ${why}`, classes };
  return { type: 'refused', reasons };
}
