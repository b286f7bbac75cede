/** Why an instance is where it is, or what stands in its way: the kind `Why`. Pure. */
import type { Pod, Why, WhyCandidate, WhyWait } from '../../api/kinds.gen.ts';
import type { Engine } from '../engine/engine.ts';
import { obstaclesOn, reasonsInParts } from '../engine/explain.ts';
import { type Ranking, ranking } from '../engine/ranking.ts';
import type { Reasons } from '../engine/reasons.ts';
import type { PlacementRequest } from '../engine/request.ts';
import { strategyOf } from '../strategies/built-in.ts';
import { spread } from '../strategies/spread.ts';
import { refusalText, whyClass } from './words.ts';

/** Candidates that are told: the node it has or would get, and the runners-up. */
const candidatesMax = 6;

/** What is told of an instance, without what makes it an object of the API. */
export type Answer = Omit<Why, 'kind' | 'apiVersion' | 'metadata'>;

/** Of one that has no node: where it would go now, or why nowhere. Pauses, as all that follow. */
export function* whyPending(
  engine: Engine,
  request: PlacementRequest,
): Generator<undefined, Answer> {
  const { snapshot } = engine;
  // Under a name of its own: it may get its node meanwhile.
  const decision = yield* engine.scheduleInParts({ ...request, uid: 'why/0' });
  const { strategy } = request;
  const nodes = snapshot.nodeCount;
  if (decision.type === 'refused') {
    return {
      state: 'Pending',
      message: refusalText(decision.reasons),
      strategy,
      nodes,
      classes: classesOf(decision.reasons),
    };
  }
  const { node } = decision;
  const ranked = yield* rankedBy(engine, request, node);
  return {
    state: 'Placeable',
    message: `would be placed on ${node} now: ${comparison(ranked)}`,
    node,
    strategy,
    nodes,
    classes: classesOf(yield* reasonsInParts(snapshot, request)),
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
export function* whyGang(
  engine: Engine,
  requests: readonly PlacementRequest[],
  { name, minMember, there, waiting }: GangCount,
): Generator<undefined, Answer | undefined> {
  const nodes = engine.snapshot.nodeCount;
  if (there >= minMember) return undefined;
  if (there + waiting < minMember) {
    const message = `gang "${name}": ${there + waiting} of ${minMember} members are there`;
    return { state: 'Pending', message, nodes };
  }
  // Under names of their own: they may get their nodes meanwhile.
  const tried = requests.map((each, i) => ({ ...each, uid: `why/${i}` }));
  try {
    const placed = yield* engine.placeInParts(tried);
    const together = there + placed.filter((each) => each !== undefined).length;
    if (together >= minMember) return undefined;
    const count = `${together} of ${minMember} members fit at the same time`;
    const lacking = tried.find((_, i) => placed[i] === undefined);
    if (lacking === undefined) return { state: 'Pending', message: `gang "${name}": ${count}` };
    const reasons = yield* engine.explain(lacking);
    const message = `gang "${name}": ${count}; for the next: ${refusalText(reasons)}`;
    return { state: 'Pending', message, nodes, classes: classesOf(reasons) };
  } finally {
    for (const { uid } of tried) engine.snapshot.release(uid);
  }
}

/** Of one that has a node: how that compares with the others, as if it were not there yet. */
export function whyBound(
  engine: Engine,
  request: PlacementRequest,
  node: string,
): Generator<undefined, Answer> {
  return without(engine, request.uid, compared(engine, request, node));
}

function* compared(
  engine: Engine,
  request: PlacementRequest,
  node: string,
): Generator<undefined, Answer> {
  const { snapshot } = engine;
  const against = obstaclesOn(snapshot, request, node)?.map(({ reason }) => reason);
  const ranked = yield* rankedBy(engine, request, node);
  const reasons = yield* reasonsInParts(snapshot, request);
  const { own } = ranked;
  const message =
    own === undefined
      ? `on ${node}, which would not take it now: ${against?.join(' and ') ?? 'no such node'}`
      : `on ${node}: ${comparison(ranked)}`;
  return {
    state: 'Bound',
    message,
    node,
    strategy: request.strategy,
    nodes: snapshot.nodeCount,
    classes: classesOf(reasons),
    ...candidates(ranked),
    ...(own === undefined ? {} : { rank: own.rank }),
  };
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

/** Each part as if an instance were not placed; in the pauses the snapshot is as before. */
function* without<T>(
  { snapshot }: Engine,
  uid: string,
  parts: Generator<undefined, T>,
): Generator<undefined, T> {
  for (;;) {
    const placed = snapshot.placementOf(uid);
    if (placed !== undefined) snapshot.release(uid);
    let part: IteratorResult<undefined, T>;
    try {
      part = parts.next();
    } finally {
      if (placed !== undefined) snapshot.assume(placed.footprint, placed.node, placed.allocation);
    }
    if (part.done === true) return part.value;
    yield;
  }
}

function rankedBy({ snapshot }: Engine, request: PlacementRequest, about: string) {
  // Where a layout of many decides (Each, Fill), one alone is compared as Spread would.
  const strategy = strategyOf(request.strategy) ?? spread;
  return ranking(snapshot, request, strategy, { most: candidatesMax, about });
}

function classesOf({ classes }: Reasons): NonNullable<Why['classes']> {
  return classes.map(whyClass);
}

function candidates({ best, count }: Ranking): Pick<Why, 'candidates' | 'candidateNodes'> {
  const list = best.map(
    ({ node, cost, instances, used }): WhyCandidate => ({
      node,
      score: scoreOf(cost),
      instances,
      used: `${Math.round(used * 100)}%`,
    }),
  );
  return { candidates: list, candidateNodes: count };
}

/** Costs are the less the better, from 0; people expect the contrary. */
function scoreOf(cost: number): number {
  return Math.round((100 - cost) * 1000) / 1000;
}

function comparison({ best, count, own }: Ranking): string {
  if (own === undefined) return 'not among the nodes that could take it';
  if (count === 1) return 'the only node that can take it';
  const isBest = own.rank === 1;
  const other = isBest ? best[1] : best[0];
  const against =
    other === undefined
      ? ''
      : ` (score ${scoreOf(own.cost)}, ${isBest ? 'next' : 'best'} ${other.node} ${scoreOf(other.cost)})`;
  return `${isBest ? 'the best' : `number ${own.rank}`} of ${count} nodes that can take it${against}`;
}
