/**
 * Numbered instances: each ordinal has one name, and its next instance is made only when the one
 * before is gone. Updates replace in place, highest ordinal first.
 */
import type { Pod } from '../../api/kinds.gen.ts';
import { isCurrent, type Plan, type PodName, type Situation } from './plan.ts';
import { isAvailable, isEnded } from './pod-state.ts';

export function planStable(situation: Situation): Plan {
  const { desired, pods, resting, nameOf } = situation;
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  const create: PodName[] = [];
  const wanted: Pod[] = [];
  for (let ordinal = 0; ordinal < desired.count; ordinal += 1) {
    const name = nameOf(ordinal);
    const pod = byName.get(name);
    if (pod === undefined) create.push({ name, ordinal });
    else wanted.push(pod);
    byName.delete(name);
  }
  const surplus = [...byName.values()].sort((a, b) => ordinalOf(b) - ordinalOf(a));
  const ended = wanted.filter((pod) => isEnded(pod) && !resting.has(pod.metadata.uid ?? ''));
  const remove = [...surplus, ...ended, ...replaced(situation, wanted)];
  return { create, remove: remove.filter((pod) => pod.metadata.deletionTimestamp === undefined) };
}

/** Those of an older template that can be spared now; `wanted` is in order of ordinals. */
function replaced({ desired, hash, nowMs }: Situation, wanted: readonly Pod[]): readonly Pod[] {
  if (!desired.running || desired.paused) return [];
  const available = new Set(
    wanted.filter((pod) => isAvailable(pod, desired.minReadySeconds, nowMs)),
  );
  const old = wanted.filter((pod) => !isCurrent(pod, hash) && !isEnded(pod)).reverse();
  // One that is not available is missing already: replacing it costs nothing.
  const broken = old.filter((pod) => !available.has(pod));
  const budget = Math.max(desired.maxUnavailable - (desired.count - available.size), 0);
  return [...broken, ...old.filter((pod) => available.has(pod)).slice(0, budget)];
}

/** The number at the end of the name. */
function ordinalOf({ metadata }: Pod): number {
  const { name = '' } = metadata;
  return Number(name.slice(name.lastIndexOf('-') + 1));
}
