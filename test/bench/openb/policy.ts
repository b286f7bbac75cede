/** A published policy as the engine takes it: a strategy, and what it has to remember. */
import type { GpuDevices } from '../../../scheduler/dimensions/gpu/devices.ts';
import { GpuDevices as Gpus } from '../../../scheduler/dimensions/gpu/devices.ts';
import type { GpuNeed } from '../../../scheduler/dimensions/gpu/need.ts';
import type { PlacementRequest } from '../../../scheduler/engine/request.ts';
import type { Snapshot } from '../../../scheduler/engine/snapshot.ts';
import type { Scorer, Strategy } from '../../../scheduler/strategies/strategy.ts';

export interface Policy {
  readonly strategy: Strategy;
  /** Told of every placement. */
  placed?(index: number, request: PlacementRequest): void;
}

/** Scores are 0 to 100, and the highest wins: kube-scheduler's `MaxNodeScore`. */
export const maxScore = 100;

/** One node and one request, as the published policies look at them. */
export interface Sight {
  readonly index: number;
  readonly cpuLeft: number;
  readonly cpu: number;
  readonly gpus: GpuDevices;
  readonly need: GpuNeed | undefined;
}

export function scoring(
  score: (sight: Sight) => number,
  choose?: (sight: Sight) => number | undefined,
): Strategy {
  return {
    name: 'Pack',
    readsRoom: false,
    cost: () => 0,
    scorer: (snapshot, request) => scorerOf(snapshot, request, score, choose),
  };
}

function scorerOf(
  snapshot: Snapshot,
  request: PlacementRequest,
  score: (sight: Sight) => number,
  choose: ((sight: Sight) => number | undefined) | undefined,
): Scorer {
  const cpu = request.amounts.find((amount) => amount.resource === 'cpu')?.amount ?? 0;
  const need = gpuNeed(request);
  const sightOf = (index: number): Sight => {
    const column = snapshot.columns.get('cpu');
    const cpuLeft = column?.freeAt(index) ?? 0;
    return { index, cpuLeft, cpu, need, gpus: gpusAt(snapshot, index) };
  };
  return {
    cost: (index) => maxScore - score(sightOf(index)),
    allocate: (dimension, index) => {
      const device =
        dimension === 'gpu' && need !== undefined ? choose?.(sightOf(index)) : undefined;
      return device === undefined || need === undefined
        ? undefined
        : { devices: [device], milli: need.milli };
    },
  };
}

export function gpuNeed(request: PlacementRequest): GpuNeed | undefined {
  const need = request.parts.find((part) => part.dimension === 'gpu')?.need;
  // The dimension's own need: nothing else is ever put there.
  return need as GpuNeed | undefined;
}

function gpusAt(snapshot: Snapshot, index: number): GpuDevices {
  const devices = snapshot.devicesAt('gpu', index);
  if (!(devices instanceof Gpus)) throw new Error(`node ${index} has no GPU table`);
  return devices;
}
