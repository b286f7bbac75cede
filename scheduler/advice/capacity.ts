/** How many more instances would fit, on each node and in all; and how many at once would be laid out. Pure. */
import type { CapacityNode, CapacitySpec, CapacityStatus } from '../../api/kinds.gen.ts';
import { disksDimension } from '../dimensions/storage/disks.ts';
import { allocationOn } from '../engine/allocation.ts';
import type { Engine } from '../engine/engine.ts';
import { ownerCountAt, roomAt } from '../engine/evaluate.ts';
import { obstaclesOn } from '../engine/explain.ts';
import type { PlacementRequest } from '../engine/request.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import { type Candidate, distributeInParts } from '../strategies/distribute.ts';
import type { Supply } from './supplies.ts';

export type Wanted = Pick<CapacitySpec, 'strategy' | 'count' | 'limit'>;

/** A node without limit (nothing is asked of it) is told as this. */
const endless = Number.MAX_SAFE_INTEGER;

/** More than this on one node are taken as endless where they are tried one by one. */
const triedMax = 1_000;

/** With pauses: of each node is told how it was when it was looked at. */
export function* capacityOf(
  { snapshot }: Engine,
  request: PlacementRequest,
  wanted: Wanted,
  { most = endless, why }: Pick<Supply, 'most' | 'why'> = {},
): Generator<undefined, CapacityStatus> {
  const nodes: (CapacityNode & { readonly name: string; readonly room: number })[] = [];
  const candidates: Candidate[] = [];
  for (const index of snapshot.order.indices().slice()) {
    yield;
    const record = snapshot.recordAt(index);
    if (record === undefined) continue;
    const { room: own, message } = yield* roomOn(snapshot, request, index, record.name);
    const room = Math.min(own, most);
    const has = ownerCountAt(snapshot, request, index);
    nodes.push({ name: record.name, room, has, ...(message === undefined ? {} : { message }) });
    candidates.push({ capacity: room, count: has, ...partsOf(snapshot, request, index) });
  }
  const all = nodes.reduce((sum, { room }) => sum + room, 0);
  const total = Math.min(most, all);
  const some = nodes.filter(({ room }) => room > 0).length;
  const scarce = why !== undefined && (most === 0 || all > most) ? ` (${why})` : '';
  const message = `${total} more would fit, on ${some} of ${nodes.length} nodes${scarce}`;
  if (wanted.count === undefined) return { message, total, nodes };
  if (wanted.count > most) {
    const refused = `${most} are possible in all, ${wanted.count} are asked for: ${why ?? ''}`;
    return { message: `${message}; ${refused}`, total, refused, nodes };
  }
  yield;
  return { total, ...(yield* laidOut(wanted, wanted.count, request, nodes, candidates, message)) };
}

function* laidOut(
  { strategy, limit = 0 }: Wanted,
  need: number,
  request: PlacementRequest,
  nodes: readonly CapacityNode[],
  candidates: readonly Candidate[],
  message: string,
): Generator<undefined, Pick<CapacityStatus, 'message' | 'nodes' | 'refused'>> {
  // Pack is an order of nodes for one instance after the other; Drained is the nearest for many at once.
  const own = request.strategy === 'Pack' ? 'Drained' : request.strategy;
  const chosen = strategy ?? own;
  const answer = yield* distributeInParts(chosen, candidates, { need, limit });
  yield;
  if (answer.type === 'refused') {
    const { message: refused } = answer;
    return {
      message: `${message}; ${chosen} of ${need} is not possible: ${refused}`,
      refused,
      nodes,
    };
  }
  const placed = answer.replicas.reduce((sum, each) => sum + each, 0);
  const used = answer.replicas.filter((each) => each > 0).length;
  return {
    message: `${message}; ${chosen} of ${need} puts ${placed} on ${used} nodes`,
    nodes: nodes.map((node, i) => ({ ...node, gets: answer.replicas[i] ?? 0 })),
  };
}

/** By amounts and devices, by rules, and by what the owner allows one node to carry. */
function* roomOn(
  snapshot: Snapshot,
  request: PlacementRequest,
  index: number,
  name: string,
): Generator<undefined, { readonly room: number; readonly message?: string }> {
  const obstacles = obstaclesOn(snapshot, request, name) ?? [];
  if (obstacles.length > 0) {
    return { room: 0, message: obstacles.map(({ reason }) => reason).join(' and ') };
  }
  const { maxPerNode = endless, peerRules, peer } = request;
  const more = maxPerNode - ownerCountAt(snapshot, request, index);
  // The disks count one instance: each further one brings Volumes of its own.
  const parts = request.parts.filter(({ dimension }) => dimension !== disksDimension);
  const hasVolumes = parts.length < request.parts.length;
  const room = Math.min(endless, more, roomAt(snapshot, { ...request, parts }, index));
  const heedsOthers = peerRules !== undefined && peer !== undefined;
  if (!heedsOthers && !hasVolumes) return { room };
  return { room: yield* tried(snapshot, request, name, room) };
}

/** Instances that have a say in where others of them go, or Volumes, are put there one by one, and taken back. */
function* tried(
  snapshot: Snapshot,
  request: PlacementRequest,
  name: string,
  most: number,
): Generator<undefined, number> {
  let room = 0;
  const uidOf = (i: number) => `capacity/${i}`;
  try {
    while (room < Math.min(most, triedMax)) {
      // Gone, or full by now.
      if (obstaclesOn(snapshot, request, name)?.length !== 0) break;
      const allocation = allocationOn(snapshot, request, name);
      snapshot.assume({ ...request, uid: uidOf(room) }, name, allocation);
      room += 1;
      yield;
    }
    return room;
  } finally {
    for (let i = 0; i < room; i += 1) snapshot.release(uidOf(i));
  }
}

/** The mean part in use, and the part that one instance takes, of what is asked for. */
function partsOf(
  { columns }: Snapshot,
  { amounts }: PlacementRequest,
  index: number,
): Pick<Candidate, 'usage' | 'rate'> {
  let usage = 0;
  let rate = 0;
  for (const { resource, amount } of amounts) {
    const column = columns.get(resource);
    const capacity = column?.capacityAt(index) ?? 0;
    if (capacity <= 0) continue;
    usage += (column?.usedAt(index) ?? 0) / capacity;
    rate += amount / capacity;
  }
  const count = Math.max(1, amounts.length);
  return { usage: usage / count, rate: rate / count };
}
