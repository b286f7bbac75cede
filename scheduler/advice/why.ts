/** Why an instance is where it is, or what stands in its way: the kind `Why`. Pure. */
import type { Pod, Why, WhyCandidate, WhyWait } from '../../api/kinds.gen.ts';
import type { Engine } from '../engine/engine.ts';
import { obstaclesOn, reasonsOf } from '../engine/explain.ts';
import { type Ranked, ranking } from '../engine/ranking.ts';
import type { Reasons } from '../engine/reasons.ts';
import type { PlacementRequest } from '../engine/request.ts';
import { strategyOf } from '../strategies/built-in.ts';
import { spread } from '../strategies/spread.ts';
import { refusalText, whyClass } from './words.ts';

/** Candidates that are told: the node it has or would get, and the runners-up. */
const candidatesMax = 6;

/** What is told of an instance, without what makes it an object of the API. */
export type Answer = Omit<Why, 'kind' | 'apiVersion' | 'metadata'>;

/** Of one that has no node: where it would go now, or why nowhere. */
export function whyPending(engine: Engine, request: PlacementRequest): Answer {
  const decision = engine.schedule(request);
  const { strategy } = request;
  const nodes = engine.snapshot.nodeCount;
  if (decision.type === 'refused') {
    return {
      state: 'Pending',
      message: refusalText(decision.reasons),
      strategy,
      nodes,
      classes: classesOf(decision.reasons),
    };
  }
  const ranked = rankedBy(engine, request);
  const { node } = decision;
  const message = `would be placed on ${node} now: ${comparison(ranked, node)}`;
  return {
    state: 'Placeable',
    message,
    node,
    strategy,
    nodes,
    classes: classesOf(reasonsOf(engine.snapshot, request)),
    ...candidates(ranked),
  };
}

export interface GangCount {
  readonly name: string;
  readonly minMember: number;
  /** Members that have a node. */
  readonly there: number;
  /** Members that wait for one. */
  readonly waiting: number;
}

/** Of members that wait together: what keeps the gang from being whole; undefined: nothing, as far as nodes go. */
export function whyGang(
  engine: Engine,
  requests: readonly PlacementRequest[],
  { name, minMember, there, waiting }: GangCount,
): Answer | undefined {
  const nodes = engine.snapshot.nodeCount;
  if (there >= minMember) return undefined;
  if (there + waiting < minMember) {
    const message = `gang "${name}": ${there + waiting} of ${minMember} members are there`;
    return { state: 'Pending', message, nodes };
  }
  const decisions = engine.scheduleBatch(requests);
  const standing = requests.filter((_, i) => decisions[i]?.type === 'placed');
  const lacking = decisions.find((decision) => decision.type === 'refused');
  for (const { uid } of standing) engine.snapshot.release(uid);
  if (there + standing.length >= minMember) return undefined;
  const count = `${there + standing.length} of ${minMember} members fit at the same time`;
  if (lacking?.type !== 'refused') return { state: 'Pending', message: `gang "${name}": ${count}` };
  const { reasons } = lacking;
  const message = `gang "${name}": ${count}; for the next: ${refusalText(reasons)}`;
  return { state: 'Pending', message, nodes, classes: classesOf(reasons) };
}

/** Of one that has a node: how that compares with the others, as if it were not there yet. */
export function whyBound(engine: Engine, request: PlacementRequest, node: string): Answer {
  const { snapshot } = engine;
  return without(engine, request.uid, () => {
    const ranked = rankedBy(engine, request);
    const reasons = reasonsOf(snapshot, request);
    const rank = ranked.findIndex((each) => each.node === node) + 1;
    const against = obstaclesOn(snapshot, request, node)?.map(({ reason }) => reason);
    const message =
      rank > 0
        ? `on ${node}: ${comparison(ranked, node)}`
        : `on ${node}, which would not take it now: ${against?.join(' and ') ?? 'no such node'}`;
    return {
      state: 'Bound',
      message,
      node,
      strategy: request.strategy,
      nodes: snapshot.nodeCount,
      classes: classesOf(reasons),
      ...candidates(ranked),
      ...(rank > 0 ? { rank } : {}),
    };
  });
}

/** What no node can give: what the status says of the containers, and conditions that are not met. */
export function waitsOf({ status }: Pod): readonly WhyWait[] {
  const containers = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ].flatMap(({ name, state }): WhyWait[] => {
    const { reason, message } = state?.waiting ?? {};
    if (reason === undefined) return [];
    return [{ reason, message: `container ${name}: ${message ?? reason}` }];
  });
  const conditions = (status?.conditions ?? []).flatMap(
    ({ type, status: met, reason, message }): WhyWait[] => {
      const derived = derivedConditions.has(type) || reason === 'Unschedulable';
      if (met !== 'False' || derived || message === undefined) return [];
      return [{ reason: reason ?? type, message }];
    },
  );
  return [...conditions, ...containers];
}

/** These only sum up what the containers say. */
const derivedConditions = new Set(['Ready', 'ContainersReady', 'Initialized']);

/** Decides as if an instance were not placed; the snapshot is as before afterwards. */
function without<T>({ snapshot }: Engine, uid: string, decide: () => T): T {
  const placed = snapshot.placementOf(uid);
  if (placed === undefined) return decide();
  snapshot.release(uid);
  try {
    return decide();
  } finally {
    snapshot.assume(placed.footprint, placed.node, placed.allocation);
  }
}

function rankedBy({ snapshot }: Engine, request: PlacementRequest): readonly Ranked[] {
  // Where a layout of many decides (Each, Fill), one alone is compared as Spread would.
  return ranking(snapshot, request, strategyOf(request.strategy) ?? spread);
}

function classesOf({ classes }: Reasons): NonNullable<Why['classes']> {
  return classes.map(whyClass);
}

function candidates(ranked: readonly Ranked[]): Pick<Why, 'candidates' | 'candidateNodes'> {
  const list = ranked.slice(0, candidatesMax).map(
    ({ node, cost, instances, used }): WhyCandidate => ({
      node,
      score: scoreOf(cost),
      instances,
      used: `${Math.round(used * 100)}%`,
    }),
  );
  return { candidates: list, candidateNodes: ranked.length };
}

/** Costs are the less the better, from 0; people expect the contrary. */
function scoreOf(cost: number): number {
  return Math.round((100 - cost) * 1000) / 1000;
}

function comparison(ranked: readonly Ranked[], node: string): string {
  const place = ranked.findIndex((each) => each.node === node);
  const own = ranked[place];
  if (own === undefined) return 'not among the nodes that could take it';
  if (ranked.length === 1) return 'the only node that can take it';
  const first = place === 0 ? ranked[1] : ranked[0];
  const against =
    first === undefined
      ? ''
      : ` (score ${scoreOf(own.cost)}, ${place === 0 ? 'next' : 'best'} ${first.node} ${scoreOf(first.cost)})`;
  const rank = place === 0 ? 'the best' : `number ${place + 1}`;
  return `${rank} of ${ranked.length} nodes that can take it${against}`;
}
