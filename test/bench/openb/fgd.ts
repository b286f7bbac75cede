/**
 * Fragmentation gradient descent: the node where a placement adds least to what typical pods cannot use. Source: the
 * paper (USENIX ATC 2023) and its simulator, `pkg/utils/frag.go` and `pkg/simulator/plugin/fgd_score.go`, whose order of
 * additions is kept: scores are cut to whole numbers, so the last bit can decide.
 */

import { wholeDevice } from '../../../scheduler/dimensions/gpu/need.ts';
import type { DemandKind } from '../../../scheduler/strategies/pack/demand.ts';
import { maxScore, type Policy, type Sight, scoring } from './policy.ts';
import type { TracePod } from './trace.ts';

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
export function typicalPods(pods: readonly TracePod[]): readonly DemandKind[] {
  const counts = new Map<string, { readonly pod: TracePod; count: number }>();
  for (const pod of pods) {
    const key = `${pod.cpuMilli} ${pod.gpuMilli} ${pod.gpus} ${pod.gpuSpec}`;
    const known = counts.get(key) ?? { pod, count: 0 };
    known.count += 1;
    counts.set(key, known);
  }
  const sorted = [...counts.values()].sort(
    ({ pod: a, count: countA }, { pod: b, count: countB }) =>
      countB - countA ||
      b.cpuMilli - a.cpuMilli ||
      b.gpuMilli - a.gpuMilli ||
      b.gpus - a.gpus ||
      (a.gpuSpec < b.gpuSpec ? 1 : -1),
  );
  let covered = 0;
  const typical = sorted.filter(({ count }) => {
    if (covered >= popularity * pods.length) return false;
    covered += count;
    return true;
  });
  return typical.map(({ pod, count }) => ({
    cpu: pod.cpuMilli,
    milli: pod.gpuMilli,
    devices: pod.gpus,
    models: pod.gpuSpec === '' ? [] : pod.gpuSpec.split('|'),
    frequency: count / pods.length / (covered / pods.length),
  }));
}

/** How much of a node's free GPUs typical pods cannot use, in thousandths of a device, by their frequency. */
function fragmentation(kinds: readonly DemandKind[]) {
  const open = new Map<string, boolean[]>();
  const opensTo = (model: string) => {
    const known =
      open.get(model) ?? kinds.map(({ models }) => models.length === 0 || models.includes(model));
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
