/**
 * Fragmentation gradient descent: the node where a placement adds least to what typical pods cannot use. Source: the
 * paper (USENIX ATC 2023) and its simulator, `pkg/utils/frag.go` and `pkg/simulator/plugin/fgd_score.go`, whose order of
 * additions is kept: scores are cut to whole numbers, so the last bit can decide.
 */
import { wholeDevice } from '../../../scheduler/dimensions/gpu/need.ts';
import { maxScore, type Policy, type Sight, scoring } from './policy.ts';
import type { TracePod } from './trace.ts';

interface TypicalPod {
  readonly cpu: number;
  readonly milli: number;
  readonly devices: number;
  readonly spec: string;
  frequency: number;
}

/** The most frequent kinds of pods, until they are so much of all. */
const popularity = 0.95;

export function fgd(pods: readonly TracePod[]): Policy {
  const amount = fragmentation(typicalPods(pods));
  const weigh = (sight: Sight): { score: number; device: number | undefined } => {
    const { gpus, need, cpuLeft, cpu } = sight;
    const model = gpus.models[0] ?? '';
    const before = amount(cpuLeft, gpus.free, model);
    const scoreOf = (left: Int32Array) => {
      const gain = (before - amount(cpuLeft - cpu, left, model)) / 1000;
      return Math.trunc((1 / (1 + Math.exp(-gain))) * maxScore);
    };
    const left = Int32Array.from(gpus.free);
    if (need === undefined) return { score: scoreOf(left), device: undefined };
    if (need.milli === wholeDevice) {
      let missing = need.devices;
      for (let i = 0; i < left.length && missing > 0; i += 1) {
        if (left[i] !== wholeDevice) continue;
        left[i] = 0;
        missing -= 1;
      }
      return { score: scoreOf(left), device: undefined };
    }
    return bestDevice(gpus.free, left, need.milli, scoreOf);
  };
  return {
    strategy: scoring(
      (sight) => weigh(sight).score,
      (sight) => weigh(sight).device,
    ),
  };
}

/** Equal devices score alike, and the first of the best is taken. */
function bestDevice(
  free: Int32Array,
  left: Int32Array,
  milli: number,
  scoreOf: (left: Int32Array) => number,
): { score: number; device: number | undefined } {
  let score = 0;
  let device: number | undefined;
  for (let i = 0; i < free.length; i += 1) {
    const before = free[i] ?? 0;
    if (before < milli || free.indexOf(before) < i) continue;
    left[i] = before - milli;
    const here = scoreOf(left);
    left[i] = before;
    if (device === undefined || here > score) {
      score = here;
      device = i;
    }
  }
  return { score, device };
}

/** In order of frequency, the most frequent first. */
export function typicalPods(pods: readonly TracePod[]): readonly TypicalPod[] {
  const kinds = new Map<string, TypicalPod>();
  for (const { cpuMilli, gpuMilli, gpus, gpuSpec } of pods) {
    const key = `${cpuMilli} ${gpuMilli} ${gpus} ${gpuSpec}`;
    const kind = kinds.get(key) ?? {
      cpu: cpuMilli,
      milli: gpuMilli,
      devices: gpus,
      spec: gpuSpec,
      frequency: 0,
    };
    kind.frequency += 1;
    kinds.set(key, kind);
  }
  const sorted = [...kinds.values()].sort(
    (a, b) =>
      b.frequency - a.frequency ||
      b.cpu - a.cpu ||
      b.milli - a.milli ||
      b.devices - a.devices ||
      (a.spec < b.spec ? 1 : -1),
  );
  const typical: TypicalPod[] = [];
  let covered = 0;
  for (const kind of sorted) {
    if (covered >= popularity * pods.length) break;
    covered += kind.frequency;
    typical.push(kind);
  }
  for (const kind of typical)
    kind.frequency = kind.frequency / pods.length / (covered / pods.length);
  return typical;
}

/** How much of a node's free GPUs typical pods cannot use, in thousandths of a device, by their frequency. */
function fragmentation(typical: readonly TypicalPod[]) {
  const kinds = typical.map((kind) => ({ ...kind, models: kind.spec.split('|') }));
  const open = new Map<string, boolean[]>();
  const opensTo = (model: string) => {
    const known =
      open.get(model) ?? kinds.map(({ spec, models }) => spec === '' || models.includes(model));
    open.set(model, known);
    return known;
  };
  return (cpuLeft: number, left: Int32Array, model: string): number => {
    const accepted = opensTo(model);
    let total = 0;
    for (let i = 0; i < left.length; i += 1) total += left[i] ?? 0;
    // One sum per reason, added up at the end, as the source does: its last bit decides ties.
    let lackBoth = 0;
    let lackGpu = 0;
    let lackCpu = 0;
    let cpuOnly = 0;
    let cpuOnlyLack = 0;
    let noAccess = 0;
    for (let k = 0; k < kinds.length; k += 1) {
      const kind = kinds[k];
      if (kind === undefined) continue;
      const { frequency, milli } = kind;
      const enoughCpu = cpuLeft >= kind.cpu;
      if (milli === 0) {
        if (enoughCpu) cpuOnly += frequency * total;
        else cpuOnlyLack += frequency * total;
        continue;
      }
      if (accepted[k] !== true) {
        noAccess += frequency * total;
        continue;
      }
      let fitting = 0;
      let tooSmall = 0;
      for (let i = 0; i < left.length; i += 1) {
        const free = left[i] ?? 0;
        if (free >= milli) fitting += 1;
        else tooSmall += free;
      }
      if (fitting < kind.devices) {
        if (enoughCpu) lackGpu += frequency * total;
        else lackBoth += frequency * total;
      } else if (enoughCpu) lackGpu += frequency * tooSmall;
      else lackCpu += frequency * total;
    }
    return lackBoth + lackGpu + lackCpu + cpuOnly + cpuOnlyLack + noAccess;
  };
}
