/**
 * Fills nodes so that what is left over stays of use. Without GPUs: the node that is fullest afterwards (best fit). With
 * them: the node and the device where the placement costs least of the potential of what is left.
 */
import { GpuDevices } from '../../dimensions/gpu/devices.ts';
import { type GpuNeed, type GpuPiece, wholeDevice } from '../../dimensions/gpu/need.ts';
import type { PlacementRequest } from '../../engine/request.ts';
import type { Snapshot } from '../../engine/snapshot.ts';
import { refused } from '../../engine/verdict.ts';
import { maxCost, type Scorer, type Strategy } from '../strategy.ts';
import { commonDemand, type DemandKind } from './demand.ts';
import { type GpuState, Outlook, type Rest } from './outlook.ts';

export const pack = packFor(commonDemand);

/** Packs for a demand that is known. */
export function packFor(demand: readonly DemandKind[]): Strategy {
  const outlook = new Outlook(demand);
  return {
    name: 'Pack',
    readsRoom: false,
    order: { by: 'mostUsed', fewestOfOwner: false },
    cost: ({ fill }) => 1 - fill,
    scorer: (snapshot, request) =>
      snapshot.gpuNodes === 0 ? undefined : scorerOf(snapshot, request, outlook),
  };
}

interface Best {
  readonly loss: number;
  readonly piece: GpuPiece | undefined;
}

const nothingLost: Best = { loss: 0, piece: undefined };

/** Losses are rounded to this, so that equals are equal to the last bit. */
const lossStep = 1 / 1024;

function scorerOf(snapshot: Snapshot, request: PlacementRequest, outlook: Outlook): Scorer {
  const cpuAsked = request.amounts.find(({ resource }) => resource === 'cpu')?.amount ?? 0;
  const part = request.parts.find(({ dimension }) => dimension === 'gpu');
  // What the dimension `gpu` has parsed itself.
  const need = part?.need as GpuNeed | undefined;
  const best = (gpus: GpuDevices, rest: Rest): Best => {
    let least: Best | undefined;
    const before = outlook.potentialNow(gpus, rest);
    for (const piece of piecesOf(gpus, need)) {
      const free = gpus.free.slice();
      for (const device of piece?.devices ?? [])
        free[device] = (free[device] ?? 0) - (piece?.milli ?? 0);
      const after = outlook.potential(rest.cpuFree - cpuAsked, free, rest.models.accepts);
      const loss = before - after;
      if (least === undefined || loss < least.loss) least = { loss, piece };
    }
    return least ?? nothingLost;
  };
  const restAt = (gpus: GpuDevices, index: number) => {
    if (!outlook.readsCpu) return outlook.rest(Number.POSITIVE_INFINITY, gpus);
    const column = snapshot.columns.get('cpu');
    return outlook.rest(column?.freeAt(index) ?? 0, gpus);
  };
  const kind = JSON.stringify(need);
  const lossOf = (gpus: GpuDevices, rest: Rest): number => {
    if (outlook.readsCpu) return best(gpus, rest).loss;
    if (need === undefined) return 0;
    return outlook.lossOf(kind, rest.state, () => best(gpus, rest).loss);
  };
  return {
    cost: (index) => {
      const gpus = snapshot.devicesAt('gpu', index);
      if (!(gpus instanceof GpuDevices)) return costOfLoss(0);
      return costOfLoss(lossOf(gpus, restAt(gpus, index)));
    },
    isLevel: !outlook.readsCpu && need === undefined,
    ...(outlook.readsCpu ? {} : { states: outlook.statesOf(snapshot) }),
    order: `Pack ${kind}`,
    costOf: (state) => {
      // What the outlook has made.
      const { gpus, rest } = state as GpuState;
      if (need === undefined) return costOfLoss(0);
      if (gpus === undefined || rest === undefined || !gpus.fits(need)) return refused;
      return costOfLoss(lossOf(gpus, rest));
    },
    allocate: (dimension, index) => {
      const gpus = snapshot.devicesAt('gpu', index);
      if (dimension !== 'gpu' || !(gpus instanceof GpuDevices)) return undefined;
      const pieces = piecesOf(gpus, need);
      return pieces.length > 1 ? best(gpus, restAt(gpus, index)).piece : pieces[0];
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
