/**
 * The policies the FGD paper compares with (USENIX ATC 2023), scored as its simulator does, whole numbers and
 * rounding included. Source: hkust-adsl/kubernetes-scheduler-simulator, pkg/simulator/plugin.
 */
import { wholeDevice } from '../../../scheduler/dimensions/gpu/need.ts';
import { gpuNeed, maxScore, type Policy, type Sight, scoring } from './policy.ts';

/** The largest node there is. */
const maxSpec = { cpuMilli: 128_000, gpuMilli: 8 * wholeDevice } as const;

export function bestFit(): Policy {
  return {
    strategy: scoring((sight) => {
      const cpu = ((sight.cpuLeft - sight.cpu) / maxSpec.cpuMilli) * 0.5;
      const gpu = ((gpuLeft(sight) - gpuAsked(sight)) / maxSpec.gpuMilli) * 0.5;
      return Math.trunc((1 - (cpu + gpu)) * maxScore);
    }),
  };
}

/** Tetris' product of what is left and what is asked; here the smallest is best, as the paper has it. */
export function dotProduct(): Policy {
  return {
    strategy: scoring((sight) => {
      const cpu = (sight.cpuLeft / maxSpec.cpuMilli) * (sight.cpu / maxSpec.cpuMilli);
      const gpu = (gpuLeft(sight) / maxSpec.gpuMilli) * (gpuAsked(sight) / maxSpec.gpuMilli);
      return Math.trunc(maxScore * (1 - (cpu + gpu) / 2));
    }),
  };
}

/** Shared devices first, then free ones of used nodes, then free nodes. */
export function packing(): Policy {
  return {
    strategy: scoring((sight) => {
      const { gpus, need } = sight;
      if (need === undefined) return 0;
      const whole = gpus.free.filter((free) => free === wholeDevice).length;
      const third = Math.trunc(maxScore / 3);
      if (whole === gpus.free.length) return Math.max(third - whole, whole);
      const lefts = [...gpus.free].filter((free) => free >= need.milli).sort((a, b) => a - b);
      const used = lefts.slice(0, need.devices);
      const wholeUsed = used.filter((free) => free === wholeDevice).length;
      if (wholeUsed > 0) return Math.max(maxScore / 2 - wholeUsed, third);
      const ratio = used.reduce((sum, free) => sum + Math.trunc((free * 100) / wholeDevice), 0);
      return Math.max(maxScore - Math.trunc(ratio / 10), maxScore / 2);
    }),
  };
}

/** Pods of one size together (Gandiva). */
export function clustering(): Policy {
  /** By node index: how many pods of each size it has. */
  const sizes = new Map<number, Map<string, number>>();
  const sizeOf = ({ devices, milli }: NonNullable<Sight['need']>) =>
    milli < wholeDevice ? 'share' : `${devices}`;
  return {
    strategy: scoring((sight) => {
      if (sight.need === undefined) return 0;
      const quarter = maxScore / 4;
      const known = sizes.get(sight.index);
      const used = Math.trunc((quarter * (maxSpec.gpuMilli - gpuLeft(sight))) / maxSpec.gpuMilli);
      if (known === undefined) return used + quarter;
      if (!known.has(sizeOf(sight.need))) return used;
      return used + (known.size === 1 ? 3 : 2) * quarter;
    }),
    placed: (index, request) => {
      const need = gpuNeed(request);
      if (need === undefined) return;
      const known = sizes.get(index) ?? new Map<string, number>();
      known.set(sizeOf(need), (known.get(sizeOf(need)) ?? 0) + 1);
      sizes.set(index, known);
    },
  };
}

function gpuLeft({ gpus }: Sight): number {
  return gpus.free.reduce((sum, free) => sum + free, 0);
}

function gpuAsked({ need }: Sight): number {
  return need === undefined ? 0 : need.devices * need.milli;
}
