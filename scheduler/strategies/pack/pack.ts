/**
 * Fills nodes so that what is left over stays of use. Without GPUs: the node that is fullest afterwards (best fit). With
 * them: the node and the device where the placement costs least of the potential of what is left.
 */
import { GpuDevices } from '../../dimensions/gpu/devices.ts';
import { type GpuNeed, type GpuPiece, wholeDevice } from '../../dimensions/gpu/need.ts';
import type { PlacementRequest } from '../../engine/request.ts';
import type { Snapshot } from '../../engine/snapshot.ts';
import { refused } from '../../engine/verdict.ts';
import {
  maxCost,
  type NodeState,
  type NodeStates,
  type Scorer,
  type Strategy,
} from '../strategy.ts';
import { commonDemand, type DemandKind } from './demand.ts';
import { potentialOf } from './potential.ts';

export const pack = packFor(commonDemand);

/** Packs for a demand that is known. */
export function packFor(demand: readonly DemandKind[]): Strategy {
  const outlook = outlookOf(demand);
  return {
    name: 'Pack',
    readsRoom: false,
    order: { by: 'mostUsed', fewestOfOwner: false },
    cost: ({ fill }) => 1 - fill,
    scorer: (snapshot, request) =>
      snapshot.gpuNodes === 0 ? undefined : scorerOf(snapshot, request, outlook),
  };
}

/** What is known of one node's GPUs. */
interface Rest {
  readonly accepts: Uint8Array;
  readonly models: string;
  cpuFree: number;
  changes: number;
  potential: number;
  /** Equal for nodes that have the same models, and as much free of each device; in any order, where all are of one model. */
  state: string;
}

/** A copy of a node's devices, and what is known of them. */
interface GpuState extends NodeState {
  readonly gpus: GpuDevices | undefined;
  readonly rest: Rest | undefined;
}

interface Best {
  readonly loss: number;
  readonly piece: GpuPiece | undefined;
}

const nothingLost: Best = { loss: 0, piece: undefined };

/** Losses of one class of requests that are kept, by the state of the node. */
const lossesMax = 1 << 14;

/** Losses are rounded to this, so that equals are equal to the last bit. */
const lossStep = 1 / 1024;

type Outlook = ReturnType<typeof outlookOf>;

function outlookOf(demand: readonly DemandKind[]) {
  const potential = potentialOf(demand);
  const readsCpu = demand.some(({ cpu }) => cpu > 0);
  const rests = new WeakMap<GpuDevices, Rest>();
  /** As the node is now; the same for every request until it changes. */
  const now = (cpuFree: number, gpus: GpuDevices): Rest => {
    const rest = rests.get(gpus) ?? {
      accepts: Uint8Array.from(
        demand.flatMap((kind) => gpus.models.map((_, i) => Number(gpus.accepts(kind, i)))),
      ),
      models: JSON.stringify(gpus.models),
      cpuFree: Number.NaN,
      changes: -1,
      potential: 0,
      state: '',
    };
    rests.set(gpus, rest);
    if (rest.cpuFree === cpuFree && rest.changes === gpus.changes) return rest;
    rest.cpuFree = cpuFree;
    rest.changes = gpus.changes;
    rest.potential = potential(cpuFree, gpus.free, rest.accepts);
    rest.state = `${rest.models} ${freeOf(gpus).join(' ')}`;
    return rest;
  };
  return { now, potential, readsCpu };
}

function freeOf({ free, models }: GpuDevices): Int32Array {
  const [first] = models;
  return models.every((model) => model === first) ? free.slice().sort() : free;
}

function statesOf(snapshot: Snapshot, outlook: Outlook): NodeStates {
  const restOf = (gpus: GpuDevices) => outlook.now(Number.POSITIVE_INFINITY, gpus);
  return {
    keyAt: (index) => {
      const gpus = snapshot.devicesAt('gpu', index);
      return gpus instanceof GpuDevices ? restOf(gpus).state : '';
    },
    at: (index): GpuState => {
      const gpus = snapshot.devicesAt('gpu', index);
      if (!(gpus instanceof GpuDevices)) return { key: '', gpus: undefined, rest: undefined };
      const rest = { ...restOf(gpus) };
      return { key: rest.state, gpus: gpus.copy(), rest };
    },
  };
}

function scorerOf(snapshot: Snapshot, request: PlacementRequest, outlook: Outlook): Scorer {
  const cpuAsked = request.amounts.find(({ resource }) => resource === 'cpu')?.amount ?? 0;
  const part = request.parts.find(({ dimension }) => dimension === 'gpu');
  // What the dimension `gpu` has parsed itself.
  const need = part?.need as GpuNeed | undefined;
  const best = (gpus: GpuDevices, rest: Rest): Best => {
    let least: Best | undefined;
    for (const piece of piecesOf(gpus, need)) {
      const free = gpus.free.slice();
      for (const device of piece?.devices ?? [])
        free[device] = (free[device] ?? 0) - (piece?.milli ?? 0);
      const after = outlook.potential(rest.cpuFree - cpuAsked, free, rest.accepts);
      const loss = rest.potential - after;
      if (least === undefined || loss < least.loss) least = { loss, piece };
    }
    return least ?? nothingLost;
  };
  const restAt = (gpus: GpuDevices, index: number) => {
    if (!outlook.readsCpu) return outlook.now(Number.POSITIVE_INFINITY, gpus);
    const column = snapshot.columns.get('cpu');
    return outlook.now(column?.freeAt(index) ?? 0, gpus);
  };
  const losses = new Map<string, number>();
  const lossOf = (gpus: GpuDevices, rest: Rest): number => {
    if (need === undefined && !outlook.readsCpu) return 0;
    if (outlook.readsCpu) return best(gpus, rest).loss;
    const known = losses.get(rest.state);
    if (known !== undefined) return known;
    if (losses.size >= lossesMax) losses.clear();
    const { loss } = best(gpus, rest);
    losses.set(rest.state, loss);
    return loss;
  };
  return {
    cost: (index) => {
      const gpus = snapshot.devicesAt('gpu', index);
      if (!(gpus instanceof GpuDevices)) return costOfLoss(0);
      return costOfLoss(lossOf(gpus, restAt(gpus, index)));
    },
    isLevel: !outlook.readsCpu && need === undefined,
    ...(outlook.readsCpu ? {} : { states: statesOf(snapshot, outlook) }),
    costOf: (state) => {
      // What `statesOf` has made.
      const { gpus, rest } = state as GpuState;
      if (need === undefined) return costOfLoss(0);
      if (gpus === undefined || rest === undefined || !gpus.fits(need)) return refused;
      return costOfLoss(lossOf(gpus, rest));
    },
    allocate: (dimension, index) => {
      const gpus = snapshot.devicesAt('gpu', index);
      if (dimension !== 'gpu' || !(gpus instanceof GpuDevices)) return undefined;
      return best(gpus, restAt(gpus, index)).piece;
    },
  };
}

/** Losses can be below zero, where a remainder fits exactly. */
function costOfLoss(loss: number): number {
  return maxCost / 2 + Math.round(loss / lossStep) * lossStep;
}

/** Where an instance could go: a share on each device, of equal ones the first; whole devices as the node gives them. */
function piecesOf(gpus: GpuDevices, need: GpuNeed | undefined): readonly (GpuPiece | undefined)[] {
  if (need === undefined) return [undefined];
  if (need.devices > 1 || need.milli === wholeDevice) return [gpus.allocate(need)];
  const pieces: GpuPiece[] = [];
  for (let i = 0; i < gpus.free.length; i += 1) {
    const free = gpus.free[i] ?? 0;
    if (free < need.milli || !gpus.accepts(need, i)) continue;
    const isFirst = pieces.every(
      ({ devices: [other = i] }) =>
        gpus.free[other] !== free || gpus.models[other] !== gpus.models[i],
    );
    if (isFirst) pieces.push({ devices: [i], milli: need.milli });
  }
  return pieces;
}
