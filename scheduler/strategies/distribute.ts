/**
 * How many instances each node gets when many equal ones are placed at once, with the definitions of Eru. Pure: equals
 * go by what they were given so far, then by the order of the nodes.
 * Source: github.com/projecteru2/core strategy; told in words, not copied.
 */
import { Heap } from '../../lib/heap.ts';
import { atOnce } from '../../lib/turns.ts';

export type DistributionStrategy = 'Spread' | 'Fill' | 'Each' | 'Global' | 'Drained';

/** A node, as far as a strategy looks at it. */
export interface Candidate {
  /** How many more instances fit. */
  readonly capacity: number;
  /** How many instances of the same owner it has. */
  readonly count: number;
  /** The part of it that is used, and the part that one instance takes. */
  readonly usage: number;
  readonly rate: number;
}

export interface Wanted {
  /** Spread, Global, Drained: how many in all. Each: how many on every node. Fill: to how many every node is raised. */
  readonly need: number;
  /** 0 = none. Spread: the most a node may have afterwards. Each, Fill: how many nodes. Global, Drained: not looked at. */
  readonly limit: number;
  /** The most that can be placed in all, where something besides the nodes limits it. */
  readonly total?: number;
}

export type Distribution =
  | {
      readonly type: 'distributed';
      /** By position of the node; 0 where none goes. */
      readonly replicas: readonly number[];
    }
  | { readonly type: 'refused'; readonly reason: RefusedReason; readonly message: string };

export type RefusedReason =
  /** There is not so much room in all. */
  | 'InsufficientCapacity'
  /** Too few nodes have the room that each must have. */
  | 'InsufficientNodes'
  /** Every node that has room is at the limit. */
  | 'NodeLimit'
  /** The nodes have what they should: nothing is to be added. */
  | 'AlreadyFilled'
  | 'InvalidNeed';

/** Decides for all at once; refused means that nothing is placed. */
export function distribute(
  strategy: DistributionStrategy,
  given: readonly Candidate[],
  wanted: Wanted,
): Distribution {
  return atOnce(distributeInParts(strategy, given, wanted));
}

/** As `distribute`, with pauses: there may be many nodes, and a million wanted. */
export function* distributeInParts(
  strategy: DistributionStrategy,
  given: readonly Candidate[],
  wanted: Wanted,
): Generator<undefined, Distribution> {
  if (!Number.isSafeInteger(wanted.need) || wanted.need < 0) {
    return refused('InvalidNeed', `need ${wanted.need} is not a whole number of at least 0`);
  }
  const candidates = given.map((node) => (node.capacity < 0 ? { ...node, capacity: 0 } : node));
  yield;
  switch (strategy) {
    case 'Spread':
      return yield* spread(candidates, wanted);
    case 'Global':
      return yield* global(candidates, wanted);
    case 'Drained':
      return yield* drained(candidates, wanted);
    case 'Each':
      return yield* each(candidates, wanted);
    case 'Fill':
      return yield* fill(candidates, wanted);
  }
}

/** What is looked at, or placed, in one part. */
const partSize = 1024;

type Deciding = Generator<undefined, Distribution>;

/** Those on the heap that may take any, with pauses. */
function* heapOf<T>(
  slots: readonly T[],
  order: (a: T, b: T) => number,
  mayTake: (slot: T) => boolean,
): Generator<undefined, Heap<T>> {
  const heap = new Heap<T>(order);
  for (const [i, slot] of slots.entries()) {
    if (mayTake(slot)) heap.push(slot);
    if (i % partSize === partSize - 1) yield;
  }
  return heap;
}

/** One after the other to the node with the fewest; among those, to the one with the most room left. */
function* spread(candidates: readonly Candidate[], wanted: Wanted): Deciding {
  const short = shortage(candidates, wanted);
  if (short !== undefined) return short;
  const slots = candidates.map(({ capacity, count }, at) => ({
    at,
    count,
    room: capacity,
    served: 0,
  }));
  yield;
  const mayTake = ({ room, count }: (typeof slots)[number]) =>
    room > 0 && (wanted.limit <= 0 || count < wanted.limit);
  const heap = yield* heapOf(
    slots,
    (a, b) => a.count - b.count || b.room - a.room || a.served - b.served || a.at - b.at,
    mayTake,
  );
  for (let left = wanted.need; left > 0; left -= 1) {
    const slot = heap.pop();
    if (slot === undefined) {
      return refused('NodeLimit', `a node may have at most ${wanted.limit} instances`);
    }
    slot.served += 1;
    slot.room -= 1;
    slot.count += 1;
    if (mayTake(slot)) heap.push(slot);
    if (left % partSize === 0) yield;
  }
  return { type: 'distributed', replicas: slots.map(({ served }) => served) };
}

/** One after the other to the node that is least used afterwards. */
function* global(candidates: readonly Candidate[], wanted: Wanted): Deciding {
  const short = shortage(candidates, wanted);
  if (short !== undefined) return short;
  const slots = candidates.map(({ capacity, usage, rate }, at) => ({
    at,
    capacity,
    after: usage + rate,
    rate,
    served: 0,
  }));
  yield;
  const heap = yield* heapOf(
    slots,
    (a, b) => a.after - b.after || a.served - b.served || a.at - b.at,
    ({ capacity }) => capacity > 0,
  );
  for (let left = wanted.need; left > 0; left -= 1) {
    const slot = heap.pop();
    if (slot === undefined) break; // Cannot be: there is room for all of them.
    slot.served += 1;
    slot.after += slot.rate;
    if (slot.served < slot.capacity) heap.push(slot);
    if (left % partSize === 0) yield;
  }
  return { type: 'distributed', replicas: slots.map(({ served }) => served) };
}

/**
 * Node by node until it is full: the smallest room first, then the most used. Eru means the same, but lets a busier
 * node pass a smaller one, so that small remainders stay unused.
 */
function* drained(candidates: readonly Candidate[], wanted: Wanted): Deciding {
  const short = shortage(candidates, wanted);
  if (short !== undefined) return short;
  const replicas = zeros(candidates);
  const slots = candidates.map(({ capacity, usage }, at) => ({ capacity, usage, at }));
  yield;
  const heap = yield* heapOf(
    slots,
    (a, b) => a.capacity - b.capacity || b.usage - a.usage || a.at - b.at,
    ({ capacity }) => capacity > 0,
  );
  let left = wanted.need;
  for (let next = heap.pop(); next !== undefined && left > 0; next = heap.pop()) {
    const share = Math.min(left, next.capacity);
    replicas[next.at] = share;
    left -= share;
    if (heap.size % partSize === 0) yield;
  }
  return { type: 'distributed', replicas };
}

/** So many on every node, or on the `limit` nodes with the most room. */
function* each(candidates: readonly Candidate[], { need, limit }: Wanted): Deciding {
  const nodes = limit > 0 ? limit : candidates.length;
  const fitting = candidates.filter(({ capacity }) => capacity >= need).length;
  if (candidates.length < nodes || fitting < nodes || nodes === 0) {
    return refused(
      'InsufficientNodes',
      `${fitting} of ${candidates.length} nodes have room for ${need}, ${Math.max(1, nodes)} are needed`,
    );
  }
  const replicas = zeros(candidates);
  yield;
  const order = roomiestFirst(candidates, candidates.keys());
  yield;
  for (const at of order.slice(0, nodes)) replicas[at] = need;
  return { type: 'distributed', replicas };
}

/** Raises every node, or the `limit` nodes that have the most already, to `need`; none that has more gives any up. */
function* fill(candidates: readonly Candidate[], { need, limit }: Wanted): Deciding {
  const nodes = limit > 0 ? limit : candidates.length;
  const order = fullestFirst(candidates);
  yield;
  const fitting = order.filter((at) => {
    const { count = 0, capacity = 0 } = candidates[at] ?? {};
    return count + capacity >= need;
  });
  if (fitting.length < nodes || nodes === 0) {
    return refused(
      'InsufficientNodes',
      `${fitting.length} of ${candidates.length} nodes can have ${need}, ${Math.max(1, nodes)} are needed`,
    );
  }
  yield;
  const replicas = zeros(candidates);
  let added = 0;
  for (const at of fitting.slice(0, nodes)) {
    const more = Math.max(0, need - (candidates[at]?.count ?? 0));
    replicas[at] = more;
    added += more;
  }
  if (added === 0) return refused('AlreadyFilled', `each node has ${need} instances or more`);
  return { type: 'distributed', replicas };
}

function shortage(
  candidates: readonly Candidate[],
  { need, total = Number.POSITIVE_INFINITY }: Wanted,
): Distribution | undefined {
  // Capacities may be without end: as doubles their sum cannot overflow, as it does in Eru.
  const room = Math.min(
    total,
    candidates.reduce((sum, { capacity }) => sum + capacity, 0),
  );
  if (room >= need) return undefined;
  return refused('InsufficientCapacity', `${need} are needed, there is room for ${room}`);
}

function refused(reason: RefusedReason, message: string): Distribution {
  return { type: 'refused', reason, message };
}

function zeros(candidates: readonly Candidate[]): number[] {
  return candidates.map(() => 0);
}

/** Positions of those that have the most instances, and of these of those with the most room, first. */
export function fullestFirst(candidates: readonly Candidate[]): number[] {
  const byCount = highestFirst(candidates.keys(), (at) => candidates[at]?.count ?? 0);
  return byCount.flatMap((some) => roomiestFirst(candidates, some));
}

function roomiestFirst(candidates: readonly Candidate[], positions: Iterable<number>): number[] {
  return highestFirst(positions, (at) => candidates[at]?.capacity ?? 0).flat();
}

/** Equals together, in the order given: of many thousands of nodes many are equal, and need not be sorted. */
function highestFirst(positions: Iterable<number>, keyOf: (at: number) => number): number[][] {
  const byKey = new Map<number, number[]>();
  for (const at of positions) {
    const key = keyOf(at);
    const equals = byKey.get(key);
    if (equals === undefined) byKey.set(key, [at]);
    else equals.push(at);
  }
  return [...byKey].sort(([a], [b]) => b - a).map(([, equals]) => equals);
}
