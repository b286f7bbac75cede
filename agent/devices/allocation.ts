/** The devices that the scheduler gave a pod, as the agent reads them. Pure. */
import type { Pod } from '../../api/kinds.gen.ts';
import type { JsonValue } from '../../api/meta.ts';

export interface PodAllocation {
  /** Hundredths of each core it is bound to. */
  readonly cores: ReadonlyMap<number, number>;
  readonly numaNode: number | undefined;
  readonly gpus: readonly number[];
  /** Of each of its GPUs, in thousandths. */
  readonly gpuMilli: number;
}

const nothing: PodAllocation = {
  cores: new Map(),
  numaNode: undefined,
  gpus: [],
  gpuMilli: 0,
};

/** What cannot be read is no allocation. */
export function allocationOf({ metadata }: Pod): PodAllocation {
  const text = metadata.annotations?.['berth.dev/allocation'];
  if (text === undefined) return nothing;
  const stored = jsonOf(text);
  const bound = fieldOf(stored, 'cpuBound');
  const gpu = fieldOf(stored, 'gpu');
  const numaNode = fieldOf(bound, 'numaNode');
  const milli = fieldOf(gpu, 'milli');
  return {
    cores: coresOf(fieldOf(bound, 'cores')),
    numaNode: typeof numaNode === 'number' ? numaNode : undefined,
    gpus: numbersOf(fieldOf(gpu, 'devices')),
    gpuMilli: typeof milli === 'number' ? milli : 0,
  };
}

function coresOf(value: JsonValue | undefined): ReadonlyMap<number, number> {
  const cores = new Map<number, number>();
  if (!isObject(value)) return cores;
  for (const [core, pieces] of Object.entries(value)) {
    if (!Number.isSafeInteger(Number(core)) || typeof pieces !== 'number') return new Map();
    cores.set(Number(core), pieces);
  }
  return cores;
}

function numbersOf(value: JsonValue | undefined): readonly number[] {
  if (!Array.isArray(value)) return [];
  return value.filter((each) => typeof each === 'number');
}

function jsonOf(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function fieldOf(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return isObject(value) ? value[name] : undefined;
}

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
